// Loads the MicroPython VM and dresses it as the chip: time, file systems, `_board`, shims.

import fs from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { boardModule } from "./board.mjs";
import { hookImports } from "./hooks.mjs";
import { hostFolder } from "./hostfs.mjs";

const SHIMS = fileURLToPath(new URL("../shims", import.meta.url));
const PYSTACK_WORDS = 16 * 1024; // the chip keeps these on its heap: as good as no limit
const HEAP_SIZE = 512 * 1024; // first area; the VM adds more when live data outgrow it

// options: {vm, fs}, folders of the npm package and of the device's files.
export async function loadVm(board, options) {
  const url = pathToFileURL(path.join(options.vm, "micropython.mjs"));
  const { loadMicroPython } = await import(url);
  hookImports({ poll: () => board.poll(), clock: board.clock });
  const put = (bytes) => board.console.put(bytes[0]);
  const mp = await loadMicroPython({
    heapsize: HEAP_SIZE, pystack: PYSTACK_WORDS, linebuffer: false,
    stdin: () => board.readChar(), stdout: put, stderr: put,
  });
  board.mp = mp;
  board.module = mp._module;
  for (const [name, root, readOnly] of [["/flash", options.fs, false], ["/shims", SHIMS, true]]) {
    mp.FS.mkdir(name);
    mp.FS.mount(hostFolder(mp.FS, root, { readOnly }), {}, name);
  }
  mp.registerJsModule("_board", boardModule(board));
  const hello = board.link.call({ do: "hello" });
  board.clock.apply(hello.clock);
  board.allow = hello.allow.join(" ");
  mp.runPython(fs.readFileSync(path.join(SHIMS, "_boot.py"), "utf8"));
  board.timers.onChange = () => board.setAlarm();
}
