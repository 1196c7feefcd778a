"""The page, its data, and the stream that keeps it live: an ASGI application."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from importlib import resources
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from meter.errors import MeterError
from wattledger.errors import ToolError
from wattledger.live import page, view, whatif
from wattledger.live.feed import Feed
from wattledger.live.guard import Guard
from wattledger.tariffs.tariff_file import read_text

BODY_BYTES_MAX = 1 << 18  # of a tariff file inside JSON
_NAME_CHARS = 64
_RETRY_MS = 1000  # until a browser whose stream broke asks again
_FILES = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}


def make(feed: Feed, name: str, host: str) -> Starlette:
    """feed: started and ended with the application; name: of the meter; host: as in Guard."""
    routes = Routes(feed, name)

    @contextlib.asynccontextmanager
    async def living(_app: Starlette) -> AsyncIterator[None]:
        feed.start()
        yield
        feed.end()

    return Starlette(
        routes=[
            Route("/", routes.page),
            *(Route(f"/{file}", _static(file, kind)) for file, kind in _FILES.items()),
            Route("/api/state", routes.state),
            Route("/api/stream", routes.stream),
            Route("/api/simulate", routes.simulate, methods=["POST"]),
        ],
        middleware=[Middleware(Guard, host=host)],
        lifespan=living,
    )


class Refused(Exception):
    """(status, text): a request that is not carried out."""


class Routes:
    def __init__(self, feed: Feed, name: str) -> None:
        self._feed, self._name = feed, name
        self._one = asyncio.Semaphore(1)  # a simulation takes a core for a while

    async def page(self, _request: Request) -> Response:
        return HTMLResponse(page.render(*self._views()))

    async def state(self, _request: Request) -> Response:
        now, day = self._views()
        return JSONResponse({"now": now, "day": day})

    async def stream(self, _request: Request) -> Response:
        return StreamingResponse(self._events(), media_type="text/event-stream")

    async def simulate(self, request: Request) -> Response:
        try:
            text, file = _wanted(await _json(request))
            async with self._one:
                return JSONResponse(await run_in_threadpool(self._compared, text, file))
        except Refused as refused:
            status, why = refused.args
            return JSONResponse({"error": why}, status)
        except (ToolError, MeterError) as error:
            return JSONResponse({"error": str(error)}, 422)

    def _views(self) -> tuple[dict[str, Any], dict[str, Any] | None]:
        return view.now(self._feed.seen, self._name), view.day(self._feed.seen.day)

    async def _events(self) -> AsyncIterator[str]:
        """Yields server-sent events: `now` with each reading, `day` when there is another."""
        told = 0
        yield f"retry: {_RETRY_MS}\n\n"
        async for seen in self._feed.changes():
            yield _event("now", view.now(seen, self._name))
            if seen.day_number != told:
                told = seen.day_number
                yield _event("day", view.day(seen.day))

    def _compared(self, text: str, file: str) -> dict[str, Any]:
        source = self._feed.source
        if source is None:
            raise ToolError("The meter does not answer: try again when it does.")
        return whatif.compared(source.history(), source.tariff(), text, file, source.schedules())


def _event(name: str, value: Any) -> str:
    return f"event: {name}\ndata: {json.dumps(value, separators=(',', ':'))}\n\n"


def _static(file: str, kind: str) -> Any:
    data = resources.files("wattledger.live").joinpath("static", file).read_bytes()

    async def answer(_request: Request) -> Response:
        return Response(data, media_type=kind)

    return answer


async def _json(request: Request) -> dict[str, Any]:
    """-> the body. Only JSON, which a form of another site cannot send."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refused(415, "Expected JSON.")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > BODY_BYTES_MAX:
            raise Refused(413, f"More than {BODY_BYTES_MAX >> 10} KiB: give a tariff file.")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Refused(400, "Not a JSON object.")
    return found


def _wanted(asked: dict[str, Any]) -> tuple[str, str]:
    """-> (TOML, its name) of {"example"}, or of {"toml", "file"}"""
    if "example" in asked:
        path = whatif.examples().get(str(asked["example"]))
        if path is None:
            raise Refused(404, "No example of this name.")
        return read_text(path), path.name
    text, file = asked.get("toml"), asked.get("file")
    if not isinstance(text, str) or not isinstance(file, str):
        raise Refused(400, "Expected the name of an example, or toml and file.")
    return text, file[:_NAME_CHARS]
