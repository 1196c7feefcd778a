"""Makes what fails smaller: fewer inputs, then fewer and plainer bytes in the last one. And the
line that shows it again."""

import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from pathlib import Path

from tests.fuzz.run import replay

_BUDGET_S = 20
_LINE_CHARS = 1500
ROOT = Path(__file__).resolve().parents[2]


def shrink(name, kind, inputs):
    """-> the fewest and shortest inputs found that fail in this way; the same if they do not fail
    in a target that begins anew."""
    ends = time.monotonic() + _BUDGET_S

    def fails(inputs):
        found = replay(name, inputs) if time.monotonic() < ends else None
        return found is not None and found.kind == kind

    if fails(inputs[-1:]):
        inputs = inputs[-1:]
    elif not fails(inputs):
        return inputs
    inputs = _fewer(inputs, fails)
    before = inputs[:-1]
    return [*before, _fewer(inputs[-1], lambda data: fails([*before, data]))]


def _fewer(parts, fails):
    """Leave pieces of a list or of bytes out, halves first; something is always left."""
    size = (len(parts) + 1) // 2
    while size:
        at = 0
        while at < len(parts) > size:
            fewer = parts[:at] + parts[at + size :]
            if fails(fewer):
                parts = fewer
            else:
                at += size
        size = (size + 1) // 2 if size > 1 else 0
    return parts


def command(name, inputs):
    """-> a shell command; a long case lies in a file then"""
    case = name + ":" + ",".join(urlsafe_b64encode(data).decode() for data in inputs)
    if len(case) > _LINE_CHARS:
        folder = ROOT / "build/fuzz"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name.replace(' ', '_')}-{sha256(case.encode()).hexdigest()[:12]}.case"
        path.write_text(case)
        case = f"@{path.relative_to(ROOT)}"
    return f"make fuzz CASE='{case}'"


def case_of(text):
    """-> (name, inputs) of what stands behind CASE="""
    if text.startswith("@"):
        text = (ROOT / text[1:]).read_text()
    name, _, inputs = text.partition(":")
    return name, [urlsafe_b64decode(part) for part in inputs.split(",")]
