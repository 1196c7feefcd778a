// node tests/comms/link_in_vm.mjs: the link on MicroPython's asyncio. The VM has no sockets: the
// stream is made here. The last line is what the test wants.
import { start } from "../vm/vm.mjs";

const vm = await start(console.log, ["firmware"]);
await vm.runPythonAsync(`
import asyncio, time
from comms.mqtt_link import Link
from comms.mqtt_session import Session

said, became = [], []

class Stream:
    """CONNACK to CONNECT, PUBACK to PUBLISH at QoS 1, the end to PUBLISH at QoS 0."""
    def __init__(self):
        self.inbox, self.event = [], asyncio.Event()
    async def read(self, size):
        while not self.inbox:
            self.event.clear()
            await self.event.wait()
        return self.inbox.pop(0)
    def write(self, data):
        said.append("%02x" % data[0])
        answer = {0x10: b"\\x20\\x02\\x00\\x00", 0x30: b"", 0x32: b"\\x40\\x02" + data[5:7]}
        if data[0] in answer:
            self.inbox.append(answer[data[0]])
            self.event.set()
    async def drain(self):
        await asyncio.sleep_ms(0)
    def close(self):
        pass
    async def wait_closed(self):
        said.append("closed")

async def open_connection(host, port, ssl=None, server_hostname=None):
    stream = Stream()
    return stream, stream

asyncio.open_connection = open_connection

class Ports:
    now_ms = staticmethod(time.ticks_ms)
    def random(self, size):
        return bytes(size)
    async def sleep_ms(self, ms):
        said.append(ms)
        await asyncio.sleep_ms(20)

session = Session("m1", {})
link = Link({"host": "h", "port": 1, "tls": None, "back_off_s": (1, 4)}, session, Ports())
task = asyncio.create_task(link.run())
await asyncio.sleep_ms(200)
session.publish("t", b"x", 1, False, became.append)
link.wake()
await asyncio.sleep_ms(200)
session.publish("t", b"end")
link.wake()
await asyncio.sleep_ms(200)
connects = link.connects, session.ready, link.problem
link.stop()
await asyncio.sleep_ms(1500)
ended = task.done()

link = Link({"host": "h", "port": 1, "tls": {}}, Session("m2", {}), Ports())
task = asyncio.create_task(link.run())
await asyncio.sleep_ms(200)
task.cancel()
try:
    await task
except asyncio.CancelledError:
    print([said[:9], became, connects, ended, link.connects])
`);
