"""mosquitto as a program: found, or fetched where apt is at hand.

It is taken from WATTLEDGER_MOSQUITTO, from the PATH, or unpacked from the distribution's signed
packages into the user's cache: nothing is installed, no root is needed.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wattledger.errors import ToolError

ENVIRONMENT = "WATTLEDGER_MOSQUITTO"
_PACKAGE = "mosquitto"
_CURE = f"install the package mosquitto, or set {ENVIRONMENT}=/path/to/mosquitto"


@dataclass(frozen=True)
class Program:
    """path: of mosquitto; libraries: folders that it needs, none if it is installed."""

    path: Path
    libraries: tuple[Path, ...] = ()

    def environment(self) -> dict[str, str]:
        """-> the environment to start it in."""
        known = os.environ.get("LD_LIBRARY_PATH")
        paths = [str(path) for path in self.libraries] + ([known] if known else [])
        return {**os.environ, **({"LD_LIBRARY_PATH": ":".join(paths)} if paths else {})}

    def version(self) -> str | None:
        """-> "2.0.11"; None if it does not run."""
        try:
            done = subprocess.run(
                [self.path, "-h"],
                env=self.environment(),
                capture_output=True,
                text=True,
                timeout=20,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        found = re.search(r"mosquitto version (\S+)", done.stdout)
        return found[1] if found else None


def find(fetching: bool = True) -> Program:
    """-> a mosquitto that runs.

    fetching   whether apt may be asked for it
    ToolError: there is none, and why.
    """
    given = os.environ.get(ENVIRONMENT)
    if given:
        return _running(Program(Path(given)), f"{ENVIRONMENT}={given}")
    installed = shutil.which(_PACKAGE) or shutil.which(_PACKAGE, path="/usr/sbin:/usr/local/sbin")
    if installed:
        return _running(Program(Path(installed)), installed)
    kept = _unpacked(_cache())
    if kept is not None and kept.version():
        return kept
    if not fetching:
        raise ToolError(f"broker: no mosquitto here: {_CURE}")
    return _fetch(_cache())


def _running(program: Program, name: str) -> Program:
    if program.version() is None:
        raise ToolError(f"broker: {name} does not run: {_CURE}")
    return program


def _cache() -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return base / "wattledger" / _PACKAGE


def _unpacked(folder: Path) -> Program | None:
    path = folder / "usr/sbin/mosquitto"
    if not path.is_file():
        return None
    return Program(path, tuple(sorted({file.parent for file in folder.rglob("*.so*")})))


def _fetch(folder: Path) -> Program:
    """Unpack the packages next to `folder`, then put them there in one step."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise ToolError(f"broker: no mosquitto here and no apt to fetch it: {_CURE}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        work, root = Path(name), Path(name) / "root"
        asked = {_PACKAGE}
        waiting = [_PACKAGE]
        while waiting:
            _run(["apt-get", "download", *waiting], work)
            waiting = []
            for archive in sorted(work.glob("*.deb")):
                _run(["dpkg-deb", "-x", str(archive), str(root)], work)
                wanted = set(_depends(archive)) - asked
                asked |= wanted
                waiting += sorted(package for package in wanted if not _installed(package))
                archive.unlink()
        program = _unpacked(root)
        if program is None or program.version() is None:
            raise ToolError(f"broker: the packages that apt has do not run here: {_CURE}")
        quicker = _unpacked(folder)  # another run was
        if quicker is None or quicker.version() is None:
            shutil.rmtree(folder, ignore_errors=True)
            root.rename(folder)
    return _running(_unpacked(folder) or program, str(folder))


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    if done.returncode:
        said = (done.stderr.strip() or "it said nothing").splitlines()[-1]
        raise ToolError(f"broker: {' '.join(command[:3])}: {said}: {_CURE}")
    return done.stdout


def _depends(archive: Path) -> Iterator[str]:
    """-> libraries among a package's dependencies, the first of each set of alternatives."""
    said = _run(["dpkg-deb", "-f", str(archive), "Depends"], archive.parent)
    for part in said.split(","):
        name = re.match(r"\s*(lib[a-z0-9.+-]+)", part)
        if name:
            yield name[1]


def _installed(package: str) -> bool:
    done = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Status}", package], capture_output=True, text=True
    )
    return "installed" in done.stdout.split()
