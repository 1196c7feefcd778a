// node security.mjs FOLDER: prints what security_in_vm.py measures inside the MicroPython VM with
// the compiled firmware in FOLDER, and the heap of what is loaded on demand, while it
// is there and afterwards.
// Garbage goes only between two calls into the VM.
import { copy, start, words } from "../vm/vm.mjs";

const ROUNDS = 15;
const SETTLED = 40;
const vm = await start((line) => console.log(line), ["boards/virtual", "tests/shared"]);
copy(vm, process.argv[2], "/wl/firmware");
vm.registerJsModule("perf", { now: () => performance.now() });

function live(machine = vm) {
  machine.runPython("import gc; gc.collect()");
  machine.runPython("live = gc.mem_alloc()");
  return machine.globals.get("live");
}

// Bytes that the keys keep in a VM where nothing else has need of the module that reads them.
async function keys(data) {
  const bare = await start((line) => console.log(line), []);
  copy(bare, process.argv[2], "/wl/firmware");
  bare.runPython(`from meter.security import key_set
from meter.compat import forget
def read():
    from meter.security import keys
    forget("meter.security.keys")
    forget("meter.security.p256")
    return keys.unpack(bytes.fromhex("${data}"))
read()`); // names that are interned
  const before = live(bare);
  bare.runPython("keys = read()");
  return live(bare) - before;
}

try {
  vm.runPython("import gc, security_in_vm as bench");
  for (let i = 0; i < ROUNDS; i++) {
    for (const name of ["info", "rows"]) vm.runPython(`bench.message("${name}")`);
    vm.runPython("bench.signature()");
  }
  vm.runPython("bench.drop()");
  const before = live();
  vm.runPython("bench.load()");
  console.log("signature loaded", 0, live() - before, 0, 0);
  vm.runPython("bench.drop()");
  console.log("signature dropped", 0, live() - before, 0, 0);
  for (let i = 0; i < SETTLED; i++) vm.runPython("bench.all_sorts()"); // names, tables that grow
  const rest = live();
  for (let i = 0; i < ROUNDS; i++) vm.runPython("bench.all_sorts()");
  console.log("messages left", 0, live() - rest, 0, 0);
  vm.runPython("held = bench.packed().hex()");
  console.log("keys held", 0, await keys(vm.globals.get("held")), 0, 0);
} catch (error) {
  console.log(words(error));
  process.exit(1);
}
