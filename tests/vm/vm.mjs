// The MicroPython VM as the tests start it: the project's files inside, sys.path as on CPython.
// The board's own start, with machine, esp32 and a REPL, is boards/virtual.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const PACKAGE = "node_modules/@micropython/micropython-webassembly-pyscript/micropython.mjs";

// say: called with each line that Python prints.
export async function start(say, folders) {
  const { loadMicroPython } = await import(pathToFileURL(path.join(ROOT, PACKAGE)));
  const vm = await loadMicroPython({ stdout: say, linebuffer: true });
  for (const folder of folders) copy(vm, path.join(ROOT, folder), `/wl/${folder}`);
  vm.runPython(`
import sys
sys.path[0:0] = ["/wl/firmware", "/wl", "/wl/tests/shared", "/wl/tests/vm"]
`);
  return vm;
}

export function copy(vm, from, to) {
  if (!fs.existsSync(from)) return;
  vm.FS.mkdirTree(to);
  for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [path.join(from, entry.name), `${to}/${entry.name}`];
    if (entry.name === "__pycache__") continue;
    if (entry.isDirectory()) copy(vm, source, target);
    else if (/\.(py|mpy|json)$/.test(entry.name)) vm.FS.writeFile(target, fs.readFileSync(source));
  }
}

// One line for a JavaScript error that carries a Python traceback.
export function words(error) {
  return error && error.message ? error.message : String(error);
}
