"""headend.toml: where broker, keys and store are, and how the head-end behaves."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wattledger.errors import ToolError
from wattledger.headend.broker_config import LOOPBACK

NAME = "headend.toml"
_TABLES: dict[str, dict[str, type]] = {
    "broker": {
        "start": bool,
        "host": str,
        "port": int,
        "listen": list,
        "names": list,
        "ca": str,
        "certificate": str,
        "key": str,
        "plain": bool,
    },
    "keys": {"file": str},
    "store": {"folder": str, "flush_s": float, "flush_rows": int},
    "watch": {"interval_s": int, "missing_after": int},
    "clock": {"every_s": int},
    "rules": {"file": str},
}


@dataclass(frozen=True)
class Settings:
    """folder   that headend.toml is in; paths in it are relative to it
    start    whether we start the broker ourselves, on this machine
    listen   addresses of ours that it listens on besides 127.0.0.1; names: hosts and addresses
             that meters know it by, for its certificate
    plain    no TLS: for simulations on this machine, and refused anywhere else
    flush_s  a batch is stored so long after its first record, or once it has flush_rows
    interval_s   of the profile; missing_after: so many without a row is a missing reading
    every_s  each meter is given our time so often; 0: only by command
    """

    folder: Path
    start: bool = True
    host: str = LOOPBACK
    port: int = 8883
    listen: tuple[str, ...] = (LOOPBACK,)
    names: tuple[str, ...] = ()
    ca: Path = Path("ca/ca.pem")
    certificate: Path = Path("headend/headend.pem")
    key: Path = Path("headend/headend.key")
    plain: bool = False
    keys: Path | None = None
    store: Path = Path("store")
    flush_s: float = 1.0
    flush_rows: int = 5000
    interval_s: int = 900
    missing_after: int = 2
    every_s: int = 43200
    rules: Path | None = None

    def at(self, path: Path) -> Path:
        return self.folder / path


def load(folder: Path) -> Settings:
    """ToolError: names the entry, and what is expected there."""
    path = folder / NAME
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ToolError(f"{path}: not there: wattledger headend init {folder}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ToolError(f"{path}: {error}: correct it") from None
    _check(path, data)
    broker, store = (data.get(name, {}) for name in ("broker", "store"))
    found: dict[str, Any] = {**broker, **data.get("watch", {}), **data.get("clock", {})}
    found |= {name: Path(broker[name]) for name in ("ca", "certificate", "key") if name in broker}
    found |= {name: tuple(broker[name]) for name in ("listen", "names") if name in broker}
    found |= {name: store[name] for name in ("flush_s", "flush_rows") if name in store}
    if "folder" in store:
        found["store"] = Path(store["folder"])
    for table in ("keys", "rules"):
        if "file" in data.get(table, {}):
            found[table] = Path(data[table]["file"])
    settings = Settings(folder, **found)
    if settings.plain and settings.host not in ("127.0.0.1", "localhost", "::1"):
        raise ToolError(f"{path}: plain text to {settings.host}: only to 127.0.0.1: use TLS")
    return settings


def _check(path: Path, data: dict[str, Any]) -> None:
    for table, entries in data.items():
        if table not in _TABLES or not isinstance(entries, dict):
            raise ToolError(f"{path}: [{table}]: expected one of {', '.join(_TABLES)}")
        for name, value in entries.items():
            kind = _TABLES[table].get(name)
            if kind is None:
                names = ", ".join(_TABLES[table])
                raise ToolError(f"{path}: {table}.{name}: expected one of {names}")
            fits = isinstance(value, kind) or (kind is float and isinstance(value, int))
            if kind is list:
                fits = fits and all(isinstance(one, str) and one for one in value)
            if not fits or (isinstance(value, bool) and kind is not bool):
                told = "list of str" if kind is list else kind.__name__
                raise ToolError(f"{path}: {table}.{name} = {value!r}: expected {told}")
