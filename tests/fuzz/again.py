"""Good requests over and over, to one open and one sealed meter that live on: what a request loads
on demand is let go of, and what it takes is given back."""

import json

from gate_rig import CHANGE, READ, Client

from meter.request import is_change
from tests.fuzz import grammar
from tests.fuzz.world import World

# After these a meter is another one, or has no energy.
_LASTING = "clock", "format", "keys", "seal", "unseal"
_GOOD = [request for request in grammar.GOOD if request[0] not in _LASTING]


class Again:
    """An input is the number of a request, in a byte."""

    LIFE = len(_GOOD)

    def __init__(self):
        self._open, self._sealed, self._next = World(sealed=False), World(), 0

    def revive(self):
        """They live on."""

    def make(self, chance):
        self._next = (self._next + 1) % len(_GOOD)
        return bytes([self._next])

    def feed(self, data):
        do, args = _GOOD[data[0] % len(_GOOD)]
        text, found = json.dumps({"id": 1, "do": do, "args": args}).encode(), ""
        reply = json.loads(self._open.rig.service.handle("maker", text))
        client = Client(self._sealed.rig, "maker")
        if is_change(do, args):
            line = client.line(CHANGE, client.change_nonce(), do, **args)
        else:
            line = client.line(READ, bytes.fromhex(client.hello()["nonce"]), do, **args)
        found = self._sealed.send(line)
        for world in (self._open, self._sealed):
            world.tick(3, 5)
            world.answer = world.rig.said = b""
        assert found == ("ok" if "ok" in reply else "error"), reply
        return found
