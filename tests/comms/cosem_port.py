"""A COSEM server on a socket, in a thread of its own, of a meter that is simulated."""

import asyncio
import json
import threading

from comms import cosem_server
from comms.cosem_objects import Objects


class Port:
    """A server in a thread of its own. number: its TCP port; asked: what the meter was asked."""

    def __init__(self, rig, **options):
        self.asked, self._service = set(), rig.service
        self._loop, self._up = asyncio.new_event_loop(), threading.Event()
        self._options, self.failed = options, []
        self._loop.set_exception_handler(self._note)
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=[self._run()])
        self._thread.start()
        assert self._up.wait(10)

    def _note(self, _, context):
        if not isinstance(context.get("exception"), asyncio.CancelledError):  # by `stop`
            self.failed.append(context)

    def _handle(self, role, line):
        self.asked.add(json.loads(line)["do"])
        return self._service.handle(role, line)

    async def _run(self):
        self._end = asyncio.Event()
        objects = Objects(self._handle, "reader")
        server = await cosem_server.serve(objects, "127.0.0.1", 0, **self._options)
        self.number = server.sockets[0].getsockname()[1]
        self._up.set()
        await self._end.wait()
        server.close()
        clients = asyncio.all_tasks() - {asyncio.current_task()}
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)

    def stop(self):
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)
        self._loop.close()
        assert self.failed == []


def answers(rig, do, **args):
    line = json.dumps({"id": 1, "do": do, "args": args}).encode()
    return json.loads(rig.service.handle("reader", line))["ok"]
