"""Who may ask, and what a browser is told about each answer.

A page of somebody else whose name leads to this machine (DNS rebinding) has that name in its
Host header: only names of this machine are answered. Addresses are, for no page can choose them.
"""

import ipaddress
import re
from typing import Any

_HOST = re.compile(r"(\[(?P<six>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(:[0-9]*)?")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]
_REFUSED = b"Not a name of this machine: use its address.\n"


class Guard:
    """ASGI middleware. host: where the server listens, a name or an address."""

    def __init__(self, app: Any, host: str) -> None:
        self._app = app
        self._host = host.lower()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def told(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif self._is_ours([value for name, value in scope["headers"] if name == b"host"]):
            await self._app(scope, receive, told)
        else:
            plain = [(b"content-type", b"text/plain; charset=utf-8")]
            await told({"type": "http.response.start", "status": 421, "headers": plain})
            await told({"type": "http.response.body", "body": _REFUSED})

    def _is_ours(self, hosts: list[bytes]) -> bool:
        found = _HOST.fullmatch(hosts[0].decode("latin-1").lower()) if len(hosts) == 1 else None
        if found is None:
            return False
        name = found["six"] or found["name"]
        return name in ("localhost", self._host) or is_address(name)


def is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_local(host: str) -> bool:
    """-> whether only this machine reaches a server that listens there."""
    return host == "localhost" or (is_address(host) and ipaddress.ip_address(host).is_loopback)
