// node tests/vm/run_shared.mjs [path/test_file.py ...]: tests/shared in the MicroPython VM.
// One VM per file, one call per class: the VM collects garbage only between calls.
import fs from "node:fs";
import path from "node:path";
import { ROOT, start, words } from "./vm.mjs";

const SHARED = path.join(ROOT, "tests/shared");
const FOLDERS = ["firmware", "boards/virtual", "tests/shared"];

async function run(file) {
  const lines = [];
  const vm = await start((line) => lines.push(line), FOLDERS);
  put(vm, path.join(ROOT, "tests/vm/run_file.py"), "/wl/tests/vm");
  put(vm, file, "/wl/tests/shared");
  try {
    const name = JSON.stringify(path.basename(file, ".py"));
    vm.runPython(`import run_file; classes = run_file.load(${name})`);
    const classes = vm.globals.get("classes");
    for (let i = 0; i < classes; i++) vm.runPython(`run_file.run(${i})`);
    vm.runPython("run_file.report()");
  } catch (error) {
    return { ran: 0, bad: true, text: `${lines.join("\n")}\n${words(error)}` };
  }
  const [where, ran, failed, skipped] = lines.at(-1).slice(3).split("|");
  const text = lines.slice(0, -1).join("\n");
  return { where, ran: +ran, failed: +failed, skipped: +skipped, bad: +ran === 0 || +failed > 0, text };
}

function put(vm, file, folder) {
  vm.FS.mkdirTree(folder);
  vm.FS.writeFile(`${folder}/${path.basename(file)}`, fs.readFileSync(file));
}

const tests = () => fs.readdirSync(SHARED).filter((name) => /^test_.*\.py$/.test(name)).sort();
const files = process.argv.length > 2 ? process.argv.slice(2) : tests().map((name) => path.join(SHARED, name));
let bad = files.length === 0;
for (const file of files) {
  const result = await run(file);
  bad ||= result.bad;
  if (result.bad) console.log(result.text);
  const count = `${result.ran} ran, ${result.failed ?? "?"} failed, ${result.skipped ?? 0} skipped`;
  console.log(`${result.bad ? "FAIL" : "ok"} ${path.basename(file)}: ${count} on ${result.where ?? "the VM"}`);
}
process.exit(bad ? 1 : 0);
