// node tick.mjs: prints what tests/bench/tick_in_vm.py measures inside the MicroPython VM.
import path from "node:path";
import fs from "node:fs";
import { ROOT, start, words } from "../vm/vm.mjs";

const vm = await start((line) => console.log(line), ["firmware", "boards/virtual", "tests/shared"]);
vm.FS.mkdirTree("/wl/tests/vm");
vm.FS.writeFile("/wl/tests/vm/tick_in_vm.py", fs.readFileSync(path.join(ROOT, "tests/bench/tick_in_vm.py")));
// Garbage goes only between two calls into the VM, and within one an allocation is seen exactly.
try {
  vm.runPython("import tick_in_vm");
  for (let i = 0; i < 5; i++) vm.runPython("tick_in_vm.ticks(120)");
  vm.runPython("tick_in_vm.report()");
} catch (error) {
  console.log(words(error));
  process.exit(1);
}
