// node storage.mjs IMAGE: prints the live bytes after each step of tests/bench/storage_in_vm.py,
// then the bytes that the mount allocated in all.
import fs from "node:fs";
import path from "node:path";
import { ROOT, start, words } from "../vm/vm.mjs";

const vm = await start((line) => console.log(line), ["firmware"]);
vm.FS.mkdirTree("/wl/tests/vm");
const script = fs.readFileSync(path.join(ROOT, "tests/bench/storage_in_vm.py"));
vm.FS.writeFile("/wl/tests/vm/storage_in_vm.py", script);
vm.FS.writeFile("/image", fs.readFileSync(process.argv[2]));
try {
  vm.runPython("import gc, storage_in_vm; bench = storage_in_vm.Bench('/image'); live = step = 0");
  for (let i = 0; i < 4; i++) {
    vm.runPython(`bench.steps[${i}]()`);
    vm.runPython("gc.collect()");
    vm.runPython("gc.collect(); live = gc.mem_alloc()");
    vm.runPython("print(live)");
  }
  vm.runPython("print(bench.allocated)");
} catch (error) {
  console.log(words(error));
  process.exit(1);
}
