// node tests/vm/gate_flood.mjs: 10,000 lines of junk to a sealed meter in the MicroPython VM.
// Prints {"lines", "bytes": growth of the heap, "same": registers and vault as before}.
import { start } from "./vm.mjs";

const CALLS = 100; // garbage is collected between calls only

const vm = await start(console.log, ["firmware", "boards/virtual", "tests/shared"]);
const python = (text) => vm.runPython(text);
python(`
import gc, json
import tariffs
from gate_rig import *
from test_gate import JUNK, spoilt

rig = GateRig(keys=some_keys(), sealed=True)
rig.push(tariffs.text())
rig.run(3600, imported=5)
client = Client(rig, "utility")
nonce = bytes.fromhex(client.hello()["nonce"])
good = client.line(READ, nonce, "live", expiry=START + 86400)
fixed = JUNK + (spoilt(good), good[:-7], b"WL1 " + good, good[4:], good.replace(b"A", b"B"))
state = 20261

def junk():
    """Every third line is one of the fixed ones; the others are noise of any length and byte."""
    global state
    state = (state * 1103515245 + 12345) & 0x7FFFFFFF
    if state >> 8 & 3 == 0:
        return fixed[(state >> 10) % len(fixed)]
    line = bytearray((state >> 10) % 1601)
    for i in range(len(line)):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        line[i] = state >> 16 & 0xFF
    line[:state >> 12 & 7] = b"WL1 {[\\"\\x03"[:state >> 12 & 7]
    return bytes(line)

def flood(lines):
    for _ in range(lines):
        answer = rig.gate.handle(junk(), "console")
        assert b'"error"' in answer and len(answer) < 200, answer
`);
const used = () => {
  python("gc.collect()");
  python("gc.collect(); used = gc.mem_alloc()");
  return vm.globals.get("used");
};
const call = () => python("flood(100)");
// What comes once: the lock-out and its event, names that are interned.
python("for _ in range(3): rig.gate.handle(spoilt(good))");
for (let i = 0; i < 3; i++) call();
python("before = dict(rig.held), list(rig.live.registers), rig.meter.journal.seq");
const before = used();
for (let i = 0; i < CALLS; i++) call();
python("same = before == (dict(rig.held), list(rig.live.registers), rig.meter.journal.seq)");
const bytes = used() - before;
console.log(JSON.stringify({ lines: CALLS * 100, bytes, same: vm.globals.get("same") }));
