"""A served page whose meter is a fake, and a client that sends what it is told to."""

import http.client
import json
import threading
import time

import pytest

pytest.importorskip("starlette", reason="no starlette: pip install 'wattledger[serve]'")
pytest.importorskip("uvicorn", reason="no uvicorn: pip install 'wattledger[serve]'")

from meter.civil import days
from tests.live import fake
from wattledger.live import server
from wattledger.live.feed import Feed
from wattledger.tariffs.tariff_file import compile_file

TARIFF = "docs/tariffs/three-prices-two-seasons.toml"
START = 86400 * days(2026, 9, 21)  # local; 40 days on the clocks have changed


class Served:
    """source   the fake; feed; address of the page"""

    def __init__(self, source, port=0):
        self.source = source
        self.feed = Feed(source.again)
        self.feed.source = source
        self.feed.poll()
        listener = server.listen("127.0.0.1", port)
        self.port = listener.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}/"
        self._server = server.Server(self.feed, source.name, "127.0.0.1")
        self._thread = threading.Thread(target=self._server.run, args=([listener],))
        self._thread.start()

    def stop(self):
        self._server.should_exit = True
        self._thread.join(10)
        self.feed.close()
        assert not self._thread.is_alive()

    def ask(self, path, body=None, method=None, host=None, **headers):
        """-> (status, headers, body)"""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            line.putrequest(method or ("POST" if body else "GET"), path, skip_host=True)
            for name in [host or f"127.0.0.1:{self.port}"] if host != "" else []:
                line.putheader("Host", name)
            if body is not None:
                line.putheader("Content-Length", str(len(body)))
            for name, value in headers.items():
                line.putheader(name.replace("_", "-"), value)
            line.endheaders(body)
            answer = line.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            line.close()

    def simulate(self, **asked):
        """-> (status, JSON)"""
        body = json.dumps(asked).encode()
        status, _, said = self.ask("/api/simulate", body, content_type="application/json")
        return status, json.loads(said)

    def state(self):
        return json.loads(self.ask("/api/state")[2])


@pytest.fixture(scope="session")
def tariff(root):
    return compile_file(root / TARIFF, wide=True).tariff()


@pytest.fixture(scope="session")
def history(tariff):
    """Thirty-nine days and fifteen and a half hours."""
    whole = fake.house(tariff, fake.start_of(tariff, START))
    return whole.part(slice(0, 39 * 96 + 62))


@pytest.fixture
def source(tariff, history):
    return fake.FakeSource(tariff, history)


@pytest.fixture(scope="session")
def steady(tariff, history):
    """A page for tests that change nothing."""
    served = Served(fake.FakeSource(tariff, history))
    yield served
    served.stop()


@pytest.fixture
def served(source, monkeypatch):
    monkeypatch.setattr("wattledger.live.feed._AGAIN_S", 0.05)
    served = Served(source)
    yield served
    served.stop()


def until(condition, pause_ms=lambda ms: time.sleep(ms / 1000), seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        pause_ms(20)
