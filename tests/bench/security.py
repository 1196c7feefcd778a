"""python tests/bench/security.py: what an envelope and a signature cost, in time and bytes in the
MicroPython VM, beside plain text and beside one modular power in C.

The firmware is compiled as `deploy` does. Times are the least of some rounds, the garbage
collector aside; on the chip they are longer, their ratios are about the same.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from wattledger import build, bundle

ROOT = bundle.root()
MEASURE = ROOT / "tests/bench/security.mjs"
# What measures is compiled with it: a constant that was folded has no name any more.
BESIDE = ("shared/gate_rig", "shared/rig", "shared/tariffs", "bench/security_in_vm")
# x: sealed beside plain, verify beside the power; B: bytes
LIMITS = {
    "time": 3.0,
    "request": 5.0,
    "answer": 1.6,
    "verify": 40.0,
    "loaded": 4096,
    "dropped": 64,
    "left": 1024,
    "held": 768,
}


def compile_into(folder: Path) -> None:
    """The meter as `deploy` puts it onto a device, and what measures it."""
    firmware = ROOT / "firmware"
    paths = sorted((firmware / "meter").rglob("*.py"))
    sources = {path.relative_to(firmware).as_posix(): path for path in paths}
    beside = [ROOT / "tests" / f"{name}.py" for name in BESIDE]
    for path, data in build.compiled(sources | {file.name: file for file in beside}).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def measured() -> dict[tuple[str, str], list[float]]:
    """-> {(what, how): [ms, heap, bytes of the request, of the answer]}, the least of each."""
    with tempfile.TemporaryDirectory() as folder:
        compile_into(Path(folder))
        command = [bundle.node(), str(MEASURE), folder]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"security: {done.stdout.strip()}")
    found: dict[tuple[str, str], list[float]] = {}
    for line in done.stdout.splitlines():
        what, how, *numbers = line.split()
        row = [float(number) for number in numbers]
        found[what, how] = [
            min(pair) for pair in zip(row, found.get((what, how), row), strict=True)
        ]
    return found


def main() -> int:
    """Print the costs. -> 1 if a limit is exceeded."""
    found, over = measured(), False

    def check(name: str, value: float) -> str:
        nonlocal over
        over |= value > LIMITS[name]
        return f"{value:.2f} of {LIMITS[name]:g}"

    for do in ("info", "rows"):
        plain, sealed = found[do, "plain"], found[do, "sealed"]
        ratios = [b / a for a, b in zip(plain, sealed, strict=True)]
        print(f"security {do} plain:  {plain[0]:.2f} ms, {plain[1]:.0f} B of heap in the VM")
        print(f"security {do} sealed: {sealed[0]:.2f} ms, {sealed[1]:.0f} B of heap in the VM")
        print(f"security {do} sealed / plain, time: {check('time', ratios[0])}")
        lines = f"{sealed[2]:.0f} for {plain[2]:.0f} B and {sealed[3]:.0f} for {plain[3]:.0f} B"
        print(f"security {do} on the wire: {lines}: request {check('request', ratios[2])},")
        print(f"    answer {check('answer', ratios[3])}")
    verify, power = found["signature", "verify"], found["signature", "inverse"]
    print(
        f"security signature: {verify[0]:.1f} ms, {verify[1] / 1024:.0f} KB allocated in the VM,"
    )
    print(f"    fed every {verify[0] / verify[2]:.3f} ms; 64 B of key, 64 B of signature")
    print(f"security signature / modular power in C: {check('verify', verify[0] / power[0])}")
    for state in ("loaded", "dropped"):
        print(f"security heap, p256 {state}: {check(state, found['signature', state][1])} B")
    left, held = found["messages", "left"][1], found["keys", "held"][1]
    print(f"security heap, left by 15 rounds of 27 messages: {check('left', left)} B")
    print(f"security heap, keys: {check('held', held)} B")
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
