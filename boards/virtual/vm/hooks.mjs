// Hooks in the VM's imports: how time, timers and Ctrl-C reach it while it runs.

import { mapErrnos } from "./errno.mjs";

const POLL_EVERY = 256; // calls of invoke_*; each bytecode that calls C code passes one

// Wraps WebAssembly.instantiate until the VM is loaded.  poll() is called now and then while
// Python runs; clock gives the VM its time.
export function hookImports({ poll, clock }) {
  const instantiate = WebAssembly.instantiate;
  WebAssembly.instantiate = (binary, info) => {
    WebAssembly.instantiate = instantiate;
    const imports = mapErrnos(info.env);
    let calls = 0;
    const hooked = (call) => (index, a, b, c, d, e) => {
      if (++calls % POLL_EVERY === 0) poll();
      return call(index, a, b, c, d, e);
    };
    for (const name of Object.keys(imports)) {
      if (name.startsWith("invoke_")) imports[name] = hooked(imports[name]);
    }
    imports.mp_js_ticks_ms = () => Math.floor(clock.ticksMs()) % 2 ** 31;
    imports.mp_js_time_ms = () => clock.rtcNowMs();
    return instantiate(binary, { env: imports, wasi_snapshot_preview1: imports });
  };
}
