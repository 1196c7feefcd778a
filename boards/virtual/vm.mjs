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
const STRIKE_MS = 50; // a flood has hit by then
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
    this.inbox = new Inbox(0, messages, (number) => this.raiseInterrupt(number));
    this.running = false; // a program or REPL line runs
    this.scheduled = 0; // callbacks handed to MicroPython's scheduler and not seen back
    this.entered = 0; // callbacks now running
    this.interrupted = false; // a Ctrl-C was raised in this program
    this.woken = false; // the same, and nothing that waits has looked at it
    this.struck = 0; // number of the last Ctrl-C that was an interrupt
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
      this.interrupted = this.woken = this.again = false;
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

  exec = (text) => this.program(() => (this.listen(CTRL_C), this.mp.runPython(text)));

  // Runs a program, which turns Ctrl-C on itself; -> null or the PythonError it ended with.
  program(run) {
    this.console.flush();
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

  // -> whether Ctrl-C is an interrupt now; else it is read as a character.
  raiseInterrupt(number) {
    if (this.module._mp_hal_get_interrupt_char() !== CTRL_C) return false;
    this.struck = number;
    this.interrupted = this.woken = true;
    this.module._mp_sched_keyboard_interrupt();
    return true;
  }

  // While Python runs, between two calls of C code: only flags and the scheduler may be touched.
  poll() {
    if (!this.running) return;
    this.inbox.takeInterrupt();
    this.takeItems();
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

  // The worst moment for a Ctrl-C, before the first line of a file: on a busy line one is there.
  strike() {
    const end = performance.now() + STRIKE_MS;
    while (this.inbox.isBusy() && !this.inbox.takeInterrupt() && performance.now() < end) {
      this.inbox.nap(1);
      this.takeItems();
    }
  }

  raiseAgain() {
    this.again = false;
    this.interrupted = this.woken = true;
    this.module._mp_sched_keyboard_interrupt();
  }

  // time.sleep: the one place where a running program waits; callbacks are called directly.
  // -> ms that are left: a Ctrl-C broke it off, and Python raises it at its next jump.
  sleep(ms) {
    this.link.flush();
    this.console.flush();
    const end = performance.now() + ms;
    for (;;) {
      this.inbox.takeInterrupt();
      if (this.again && this.entered === 0) this.raiseAgain();
      this.takeItems();
      if (!this.woken) this.work();
      const left = end - performance.now();
      if (this.woken) {
        this.woken = false;
        return Math.max(0, left);
      }
      if (left <= 0) return 0;
      this.inbox.nap(Math.min(left, NAP_MS, Math.max(0.1, this.timers.waitMs())));
    }
  }

  // -> whether a character waits for the program, after at most ms (-1: for ever).
  waitChar(ms) {
    const end = ms < 0 ? Infinity : performance.now() + ms;
    this.takeItems();
    while (this.input.length === 0) {
      const left = end - performance.now();
      if (left <= 0) return false;
      const nap = Math.min(left, NAP_MS);
      if (this.sleep(nap) > 0) return false;
    }
    return true;
  }

  // Keyboard input of a running program; null only when interrupted.
  readChar() {
    this.console.flush();
    return this.waitChar(-1) ? this.input.shift() : null;
  }

  takeItems() {
    for (let item = this.inbox.take(); item; item = this.inbox.take()) this.sort(item);
  }

  sort(item) {
    if (item.strike && item.strike <= this.struck) return;
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
