// The CPU of the virtual board: MicroPython's WebAssembly VM with REPL on stdin and stdout.
//
//   node vm.mjs --vm DIR --fs DIR --fds REQUEST,REPLY,MESSAGES [--raw]
//
// --vm: the npm package; --fs: the folder that is the device's file system; --fds: see wire.py;
// --raw: start in the raw REPL and skip main.py, as after a soft reset out of the raw REPL.
// Exit codes: 80 soft reset, 81 the same out of the raw REPL, 82 hard reset.

import fs from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { BusLink, STEP } from "./vm/buslink.mjs";
import { VmClock } from "./vm/clock.mjs";
import { Console } from "./vm/console.mjs";
import { Inbox } from "./vm/inbox.mjs";
import { loadVm } from "./vm/loader.mjs";
import { Repl } from "./vm/repl.mjs";
import { Timers } from "./vm/timers.mjs";

const EXIT_SOFT = 80, EXIT_SOFT_RAW = 81, EXIT_HARD = 82;
const CTRL_C = 3;
const NAP_MS = 5; // a sleeping program looks at its messages this often

class Board {
  constructor(options) {
    const [request, reply, messages] = options.fds.split(",").map(Number);
    this.EXIT_HARD = EXIT_HARD;
    this.filesRoot = options.fs;
    this.link = new BusLink(request, reply);
    this.clock = new VmClock();
    this.timers = new Timers(this.clock);
    this.console = new Console(1);
    this.inbox = new Inbox(0, messages, () => this.raiseInterrupt());
    this.running = false; // a program or REPL line runs
    this.scheduled = 0; // callbacks handed to MicroPython's scheduler and not seen back
    this.entered = 0; // callbacks now running
    this.interrupted = false;
    this.again = false; // a Ctrl-C that broke a callback still has to stop the program
    this.input = []; // REPL bytes not yet processed
    this.jobs = []; // advance orders not yet done
    this.alarm = null;
    this.repl = new Repl(this, this.console);
  }

  // One top-level call into the VM: garbage is collected when it returns.
  enter(call, interruptible) {
    this.running = interruptible;
    if (interruptible) this.inbox.setListening(true);
    try {
      return call();
    } finally {
      if (interruptible) this.inbox.setListening(false);
      this.running = false;
      if (this.interrupted || this.scheduled > 0) this.drain();
      this.interrupted = this.again = false;
      this.scheduled = this.entered = 0;
      this.link.flush();
      this.console.flush();
    }
  }

  init() {
    this.mp.replInit();
  }

  feed(byte, mayRun) {
    return this.enter(() => this.mp.replProcessChar(byte), mayRun);
  }

  exec = (text) => this.program(() => this.mp.runPython(text));

  // Runs a program; -> null or the PythonError it ended with.
  program(run) {
    this.console.flush();
    this.listen(CTRL_C);
    try {
      return this.enter(() => (run(), null), true);
    } catch (error) {
      if (error.name !== "PythonError") throw error;
      // what the shims do is C code on the chip, and has no frames
      error.message = error.message.replace(/^ *File "\/rom\/.*\n/gm, "");
      return error;
    } finally {
      this.listen(-1);
    }
  }

  // -> true when it ran to its end or is not there.
  runFile(name) {
    if (!fs.existsSync(path.join(this.filesRoot, name))) return true;
    const error = this.program(() => this.execFile(name));
    if (error?.type === "SystemExit") this.reset(false);
    if (error) this.console.write(error.message);
    this.console.flush();
    return error === null;
  }

  reset(raw) {
    this.exit(raw ? EXIT_SOFT_RAW : EXIT_SOFT);
  }

  exit(code) {
    this.console.flush();
    for (const item of this.inbox.close()) if (item.repl) this.input.push(...item.repl);
    this.link.event({ unread: Buffer.from(this.input).toString("hex") });
    process.reallyExit(code);
  }

  raiseInterrupt() {
    if (this.module._mp_hal_get_interrupt_char() !== CTRL_C) {
      this.input.push(CTRL_C);
      return;
    }
    this.interrupted = true;
    this.module._mp_sched_keyboard_interrupt();
  }

  // While Python runs, between two calls of C code: only flags and the scheduler may be touched.
  poll() {
    if (!this.running) return;
    this.inbox.takeInterrupt();
    for (let item = this.inbox.take(); item; item = this.inbox.take()) this.sort(item);
    if (this.again && this.entered === 0) this.raiseAgain();
    if (this.timers.active.size === 0 || this.clock.held) return;
    if (this.scheduled > 0 || this.entered > 0 || !this.timers.isDue()) return;
    this.running = false; // no poll inside of what a poll calls
    for (const id of this.timers.takeDue()) {
      this.scheduled++;
      this.schedule(this.dispatch, id);
    }
    this.running = true;
  }

  // Told by the timer shim as a callback begins and ends.
  onCallback(begins, again) {
    this.entered += begins ? 1 : -1;
    if (begins && this.scheduled > 0) this.scheduled--;
    if (again) this.again = true;
  }

  raiseAgain() {
    this.again = false;
    this.interrupted = true;
    this.module._mp_sched_keyboard_interrupt();
  }

  // time.sleep: the one place where a running program waits; callbacks are called directly.
  sleep(ms) {
    this.link.flush();
    this.console.flush();
    const end = performance.now() + ms;
    for (;;) {
      if (this.inbox.takeInterrupt()) return;
      if (this.again && this.entered === 0) this.raiseAgain();
      for (let item = this.inbox.take(); item; item = this.inbox.take()) this.sort(item);
      this.work();
      if (this.interrupted) return;
      const left = end - performance.now();
      if (left <= 0) return;
      this.inbox.nap(Math.min(left, NAP_MS, Math.max(0.1, this.timers.waitMs())));
    }
  }

  // Keyboard input of a running program; null only when interrupted.
  readChar() {
    this.console.flush();
    for (;;) {
      if (this.input.length) return this.input.shift();
      if (this.inbox.interruptWaits()) return null;
      this.sleep(NAP_MS);
    }
  }

  sort(item) {
    if (item.repl) for (const byte of item.repl) this.input.push(byte);
    else if (item.message.clock) {
      this.clock.apply(item.message.clock);
      this.link.event({ clock_set: true, id: item.message.id });
    } else if (item.message.cancel) this.jobs = [];
    else this.jobs.push(item.message);
  }

  fire() {
    for (const id of this.timers.takeDue()) {
      try {
        this.dispatch(id);
      } catch (error) {
        // only a Ctrl-C between the callback and its own handler gets here
        if (error.name !== "PythonError") throw error;
        this.entered = 0;
        this.again = true;
      }
    }
    if (this.again && this.running) this.raiseAgain();
  }

  // Timers and advance orders, in a place where Python may be called.
  work() {
    if (this.entered > 0) return; // the chip never runs one callback inside another
    if (!this.clock.held && this.timers.isDue()) this.fire();
    while (this.jobs.length) this.advance(this.jobs.shift());
  }

  // Steps of the held clock, one top-level call each, until the budget of wall time is used up.
  advance({ id, steps, step_ms, budget_ms }) {
    const end = performance.now() + budget_ms;
    let done = 0;
    while (done < steps) {
      const p = this.link.begin(STEP, 0, 4);
      this.link.out.writeUInt32LE(step_ms, p);
      const status = this.link.exchange();
      const reply = this.link.payload();
      this.clock.step(reply.readDoubleLE(0), reply.readDoubleLE(8));
      if (this.timers.isDue()) this.fire();
      done++;
      if (status !== 0 || performance.now() >= end) break;
    }
    this.link.event({ advanced: done, id });
  }

  setAlarm() {
    clearTimeout(this.alarm);
    const wait = this.timers.waitMs();
    if (wait === Infinity) return;
    this.alarm = setTimeout(() => this.idle(), Math.max(0, Math.ceil(wait)));
  }

  // Everything that came in while idle.
  idle() {
    this.enter(() => this.work(), false);
    while (this.input.length) this.repl.byte(this.input.shift());
    this.console.flush();
    this.setAlarm();
  }

  boot(raw) {
    this.link.event({ state: "boot.py" });
    const booted = this.runFile("boot.py");
    this.link.event({ state: "booted" });
    if (booted && !raw) {
      this.link.event({ state: "main.py" });
      this.runFile("main.py");
    }
    this.repl.start(raw);
    this.link.event({ state: "prompt" });
    this.inbox.listen((item) => {
      this.sort(item);
      this.idle();
    });
    this.idle();
  }
}

const { values } = parseArgs({
  options: {
    vm: { type: "string" }, fs: { type: "string" }, fds: { type: "string" },
    raw: { type: "boolean", default: false },
  },
});
const board = new Board(values);
await loadVm(board, values);
board.boot(values.raw);
