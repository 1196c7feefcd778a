// node tick.mjs: prints what tick_in_vm.py and tick_cost_in_vm.py of tests/bench measure inside
// the MicroPython VM.
import path from "node:path";
import fs from "node:fs";
import { ROOT, start, words } from "../vm/vm.mjs";

const vm = await start((line) => console.log(line), ["firmware", "boards/virtual", "tests/shared"]);
vm.FS.mkdirTree("/wl/tests/vm");
for (const name of ["tick_in_vm.py", "tick_cost_in_vm.py"])
  vm.FS.writeFile(`/wl/tests/vm/${name}`, fs.readFileSync(path.join(ROOT, "tests/bench", name)));
// Garbage goes only between two calls into the VM, and within one an allocation is seen exactly.
try {
  vm.runPython("import tick_in_vm");
  for (let i = 0; i < 5; i++) vm.runPython("tick_in_vm.ticks(120)");
  vm.runPython("tick_in_vm.report()");
  vm.runPython("import tick_cost_in_vm as cost");
  for (const name of ["flat", "everything"]) vm.runPython(`cost.begin("${name}")`);
  for (let i = 0; i < 30; i++)
    for (const name of ["flat", "everything"]) vm.runPython(`cost.meters["${name}"].ticks(60)`);
  vm.runPython("cost.report()");
} catch (error) {
  console.log(words(error));
  process.exit(1);
}
