// node p1.mjs FOLDER: prints what p1_in_vm.py of tests/bench measures in the MicroPython VM;
// FOLDER has it and the firmware, compiled.
import { copy, start, words } from "../vm/vm.mjs";

const vm = await start((line) => console.log(line), []);
copy(vm, process.argv[2], "/wl/firmware");
// Garbage goes only between two calls into the VM, and within one an allocation is seen exactly.
try {
  vm.runPython("import p1_in_vm");
  for (let minute = 0; minute < 10; minute++)
    for (const how of ["anew", "kept"])
      for (let i = 0; i < 60; i++) vm.runPython(`p1_in_vm.telegram("${how}")`);
  vm.runPython("p1_in_vm.report()");
} catch (error) {
  console.log(words(error));
  process.exit(1);
}
