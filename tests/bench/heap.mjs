// node heap.mjs FOLDER TARIFF module ...: prints "module bytes" for each, imported in this order,
// and "tariff bytes" of the Tariff that is made of a compiled file.
// Garbage goes only between two calls into the VM, so import, collect and measure are three.
import fs from "node:fs";
import { copy, start } from "../vm/vm.mjs";

const [folder, tariff, ...names] = process.argv.slice(2);
const vm = await start((line) => console.error(line), []);
copy(vm, folder, "/wl/firmware");

// The chip's own modules cost no heap there.
vm.FS.mkdirTree("/wl/tests/vm");
for (const name of ["machine", "esp32", "cryptolib", "network", "ssl", "socket"])
  vm.FS.writeFile(`/wl/tests/vm/${name}.py`, "def __getattr__(name):\n    return object\n");
vm.runPython("import gc, sys, time, asyncio, os, json, struct, hashlib, binascii, array, errno");
vm.runPython("import machine, esp32, cryptolib, network, ssl, socket");

// app builds its board at its head: here that breaks it off, once its functions are made.
vm.FS.mkdirTree("/wl/stubs");
vm.FS.writeFile("/wl/stubs/board.py", `
import sys
def build():
    global kept
    kept = sys.modules["app"]
    raise NotImplementedError
`);
vm.runPython("sys.path.insert(0, '/wl/stubs'); import board");

function live() {
  vm.runPython("gc.collect()");
  vm.runPython("live = gc.mem_alloc()");
  return vm.globals.get("live");
}

live();
let before = live();
for (const name of names) {
  const load = `__import__("${name}")`;
  vm.runPython(name === "app" ? `try: ${load}\nexcept NotImplementedError: pass` : load);
  const after = live();
  console.log(name, after - before);
  before = after;
}

vm.FS.writeFile("/wl/tariff.json", fs.readFileSync(tariff));
vm.runPython("from meter import tariff_check; text = open('/wl/tariff.json', 'rb').read()");
// All are kept: now and then the collector takes a stale word for a pointer to what was dropped,
// and the least of them is what one keeps. The first one also loads what it needs.
let least = Infinity;
vm.runPython("kept = [tariff_check.load(text)]");
for (let n = 0; n < 4; n++) {
  before = live();
  vm.runPython("kept.append(tariff_check.load(text))");
  least = Math.min(least, live() - before);
}
console.log("tariff", least);
