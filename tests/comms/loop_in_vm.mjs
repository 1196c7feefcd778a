// node tests/comms/loop_in_vm.mjs: the loop of a sealed meter on MicroPython's asyncio, with a radio
// and a broker that are made here. The last two lines are what the test wants.
import { start } from "../vm/vm.mjs";

const vm = await start(console.log, ["firmware"]);
await vm.runPythonAsync(`
import asyncio, time
from comms import console, home, run

said, polled = [], []

class Stream:
    """CONNACK to CONNECT, and no word more."""
    def __init__(self):
        self.inbox, self.event = [], asyncio.Event()
    async def read(self, size):
        while not self.inbox:
            self.event.clear()
            await self.event.wait()
        return self.inbox.pop(0)
    def write(self, data):
        kind = data[0] & 0xF0
        said.append(kind)
        answer = b""
        if kind == 0x10:
            answer = b"\\x20\\x02\\x00\\x00"
        if answer:
            self.inbox.append(answer)
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

class Radio:
    up = False
    def active(self, on=None):
        if on is not None: self.up = on
        return self.up
    def config(self, **settings): pass
    def connect(self, ssid, password): pass
    def disconnect(self): pass
    def isconnected(self): return self.up
    def status(self, what=None): return -50

class Network:
    STA_IF, AP_IF = 0, 1
    radios = Radio(), Radio()
    def WLAN(self, which): return self.radios[which]
    def hostname(self, name): pass

class Gate:
    profiles = 0

class Port:
    def write(self, data):
        said.append(bytes(data[:5]))
    def wanted(self): return True
    def close(self):
        said.append("port closed")

class App:
    serial, gate, told, open = "246f28010203", Gate(), {}, False
    class crypto:
        @staticmethod
        def random(size): return bytes(size)
    kept = {
        "wifi": b'["home", "secret-1"]',
        "home": b'{"host": "h", "port": 1, "tls": "none"}',
        "mqtt": b'{"host": "h"}',  # breaks: it has no tls
        "local": b'{"p1": {"uart": 2, "tx": 17}, "readout": {"uart": 1, "tx": 16, "rx": 32}}',
    }
    def uart(self, name, settings):
        if name == "readout": raise OSError(5)
        return Port()
    def local(self): return None
    def read_each_second(self, goes_on): said.append("each second" if goes_on else "no more")
    def profile(self, name): return self.kept.get(name)
    def handle(self, role, line): return b'{"id":0,"ok":{"state":"blank"}}'
    def answer(self, line, road): return b"answer to " + line
    def shut(self): return not self.open

class Line:
    waiting, out = b"", b""
    def poll(self, ms):
        polled.append(ms)
        return [1] if self.waiting else []
    def readinto(self, buf):
        buf[0], self.waiting = self.waiting[0], self.waiting[1:]
        return 1
    def write(self, data):
        self.out += data

app, line = App(), Line()
console.opened = lambda answer: (line, console.Console(answer, line, line))
loop = run.Loop(app, Network())
task = asyncio.create_task(loop._main(app.shut))
await asyncio.sleep_ms(600)
line.waiting = b"hello\\n"
await asyncio.sleep_ms(3500)
told = dict(app.told)
home.Home.step = None  # from here on it breaks
await asyncio.sleep_ms(1500)
broken = app.told["home"]
app.open = True
await asyncio.sleep_ms(1500)
print([told["home"], told["wifi"], told["mqtt"][:8], 0x10 in said, line.out, max(polled),
       broken[:8], task.done(), Network.radios[0].up, "error" in app.told])
print([said.count(b"/WTL5") > 3, said.count("port closed"), told["p1"], told["readout"],
       said.count("each second"), said.count("no more")])
`);
