"""A web server for one page, until it is interrupted."""

import contextlib
import socket
from collections.abc import Callable

import uvicorn

from wattledger.errors import ToolError
from wattledger.live import app
from wattledger.live.feed import Feed
from wattledger.live.state import Source

_CONNECTIONS_MAX = 64  # each open page holds one


class Server(uvicorn.Server):
    """feed: ends with the server, whose streams would keep it from ending else."""

    def __init__(self, feed: Feed, name: str, host: str) -> None:
        made = app.make(feed, name, host)
        super().__init__(
            uvicorn.Config(
                made,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ws="none",
                limit_concurrency=_CONNECTIONS_MAX,
            )
        )
        self._feed = feed

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._feed.end()
        await super().shutdown(sockets)


def listen(host: str, port: int) -> socket.socket:
    """ToolError: the port is taken, or host is none of this machine."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise ToolError(
            f"{host}, port {port}: {error.strerror}: give another --port, or --host"
        ) from None


def run(
    open_source: Callable[[], Source], host: str, port: int, say: Callable[[str], None]
) -> None:
    """Serve until Ctrl-C. say: called with the address once it answers.

    ToolError: nothing answers where the state is from, or the port is taken.
    """
    feed = Feed(open_source)
    feed.source = open_source()
    name = feed.source.name
    try:
        feed.poll()
        if feed.seen.silence:
            raise ToolError(feed.seen.silence)
        with listen(host, port) as listener:
            shown = f"[{host}]" if ":" in host else host
            say(f"http://{shown}:{listener.getsockname()[1]}/")
            with contextlib.suppress(KeyboardInterrupt):
                Server(feed, name, host).run([listener])
    finally:
        feed.close()
