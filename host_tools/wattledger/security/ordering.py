"""What a command adds to a request that a meter with keys does only on a signed order."""

import time
from typing import Any, Protocol

from meter.security.orders import KINDS
from wattledger.errors import ToolError
from wattledger.security import orders
from wattledger.security.keyring import Keyring, fleet_of

VALID_S = 86400  # an order that somebody held back for longer is void


class Meter(Protocol):
    """What we need of wattledger.link.Link."""

    def request(self, do: str, **args: Any) -> Any: ...


class Keys(Protocol):
    """What we need of wattledger.session.Session."""

    @property
    def keys(self) -> Any: ...
    def keyring(self) -> Keyring: ...


class Signer:
    """Signs for one meter after the other; the key file is opened when a meter asks for it.

    session   of the command, None: nobody signs here
    """

    def __init__(self, session: Keys | None = None) -> None:
        self._session = session

    def sign(self, meter: Meter, kind: str, argument: str) -> dict[str, Any]:
        """-> {"order": ...}, to be added to the request; {} for a meter without keys.

        kind, argument   as in docs/protocol.md, "Orders"
        ToolError: the meter has keys, and none are given here, or not those that sign.
        """
        info = meter.request("info")
        if not info["keyed"]:
            return {}
        if self._session is None or self._session.keys is None:
            raise ToolError(
                f"{kind}: meter {info['serial']} has keys and takes this only if it is signed:"
                " give --keys FILE, the fleet's"
            )
        private = fleet_of(self._session.keyring(), kind).private(orders.SIGNER[kind])
        # Seconds rise without anybody keeping count; but two orders may come within one, or the
        # last from a host whose clock was ahead.
        last = meter.request("hello")["orders"][KINDS.index(kind)]
        version = max(last + 1, int(time.time()))
        until = info["utc"] + VALID_S if info["clock"] else 0
        return {"order": orders.sign(kind, info["serial"], version, until, argument, private)}


UNSIGNED = Signer()
