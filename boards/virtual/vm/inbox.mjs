// What comes in while the VM is busy.  A worker thread reads REPL bytes and the bridge's messages,
// so that Ctrl-C reaches even `while True: pass`, which calls nothing that JavaScript could hook.

import inspector from "node:inspector";
import net from "node:net";
import { fileURLToPath } from "node:url";
import {
  MessageChannel, Worker, isMainThread, parentPort, receiveMessageOnPort, workerData,
} from "node:worker_threads";

const WAITING = 0; // messages posted so far
const INTERRUPT = 1; // 1: a Ctrl-C waits to be raised
const LISTENING = 2; // 1: Ctrl-C means interrupt, 0: it is a character
const CLOSED = 3; // 1: the worker reads no more
const STRUCK = 4; // number of the newest Ctrl-C
const CLOSE_MS_MAX = 200;
const HOOK_GRACE_MS = 10; // the import hooks nearly always come first; then the inspector
const CTRL_C = 3;

// Main thread's end.
export class Inbox {
  // onInterrupt(number): called on the main thread between any two instructions of the VM; it may
  // only set MicroPython's pending exception. -> whether Ctrl-C means that now; if so, all up to
  // this number are used up. A Ctrl-C comes as an item too, {repl, strike: number}, in its place
  // among the other bytes, for a program that reads it as a character.
  constructor(replFd, messageFd, onInterrupt) {
    this.flags = new Int32Array(new SharedArrayBuffer(20));
    this.seen = 0;
    this.onInterrupt = onInterrupt;
    globalThis.__raiseInterrupt = () => this.takeInterrupt();
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    this.worker = new Worker(fileURLToPath(import.meta.url), {
      workerData: { flags: this.flags, port: port2, replFd, messageFd },
      transferList: [port2],
    });
    this.worker.on("error", (error) => {
      process.stderr.write(`inbox: ${error.stack}\n`);
      process.kill(process.pid, "SIGKILL");
    });
  }

  // handler({repl: Uint8Array} or {message: object}) while the VM is idle.
  listen(handler) {
    this.port.on("message", (item) => {
      this.seen++;
      handler(item);
    });
  }

  // -> next item or null; for use while the VM runs and no event loop turns.
  take() {
    if (Atomics.load(this.flags, WAITING) === this.seen) return null;
    const item = receiveMessageOnPort(this.port);
    if (!item) return null;
    this.seen++;
    return item.message;
  }

  // Before the end: no byte is taken from the line any more.  -> what was taken and not handed out.
  close() {
    this.port.postMessage("close");
    Atomics.wait(this.flags, CLOSED, 0, CLOSE_MS_MAX);
    const items = [];
    for (let item = this.take(); item; item = this.take()) items.push(item);
    return items;
  }

  setListening(on) {
    Atomics.store(this.flags, LISTENING, on ? 1 : 0);
    if (!on) Atomics.store(this.flags, INTERRUPT, 0);
  }

  // -> whether anything has come in since this life of the CPU began.
  isBusy() {
    return Atomics.load(this.flags, WAITING) > 0;
  }

  interruptWaits() {
    return Atomics.load(this.flags, INTERRUPT) === 1;
  }

  // Raises a waiting Ctrl-C; -> whether there was one that interrupts.
  takeInterrupt() {
    if (Atomics.exchange(this.flags, INTERRUPT, 0) === 0) return false;
    return this.onInterrupt(Atomics.load(this.flags, STRUCK));
  }

  // Sleeps up to ms; a Ctrl-C or a message ends the nap.
  nap(ms) {
    if (this.interruptWaits()) return;
    Atomics.wait(this.flags, WAITING, this.seen, ms);
  }
}

// Worker's end.
function post(item) {
  workerData.port.postMessage(item);
  Atomics.add(workerData.flags, WAITING, 1);
  Atomics.notify(workerData.flags, WAITING);
}

// The inspector runs its expression at the next loop header of the WebAssembly code.
function interruptByInspector() {
  if (Atomics.load(workerData.flags, INTERRUPT) === 0) return;
  const session = new inspector.Session();
  session.connectToMainThread();
  session.post("Runtime.evaluate", { expression: "__raiseInterrupt()" }, () =>
    session.disconnect());
}

let strikes = 0;

function onReplBytes(chunk) {
  const { flags } = workerData;
  let start = 0;
  for (let i = 0; i < chunk.length; i++) {
    if (chunk[i] !== CTRL_C || Atomics.load(flags, LISTENING) === 0) continue;
    if (i > start) post({ repl: new Uint8Array(chunk.subarray(start, i)) });
    start = i + 1;
    post({ repl: Uint8Array.of(CTRL_C), strike: ++strikes });
    Atomics.store(flags, STRUCK, strikes);
    Atomics.store(flags, INTERRUPT, 1);
    Atomics.notify(flags, WAITING);
    setTimeout(interruptByInspector, HOOK_GRACE_MS);
  }
  if (start < chunk.length) post({ repl: new Uint8Array(chunk.subarray(start)) });
}

function runWorker() {
  // with a buffer of its own, pause() stops the reading at once and no byte waits in a stream
  const callback = (size, buffer) => (onReplBytes(buffer.subarray(0, size)), true);
  const onread = { buffer: Buffer.alloc(65536), callback };
  const options = { readable: true, writable: false };
  const repl = new net.Socket({ fd: workerData.replFd, ...options, onread });
  // SIGKILL: the bridge is gone, and the main thread may be in an endless loop
  repl.on("close", () => process.kill(process.pid, "SIGKILL"));
  repl.on("error", () => {});
  workerData.port.on("message", () => {
    repl.pause();
    Atomics.store(workerData.flags, CLOSED, 1);
    Atomics.notify(workerData.flags, CLOSED);
  });
  const messages = new net.Socket({ fd: workerData.messageFd, ...options });
  let rest = "";
  messages.on("data", (chunk) => {
    const lines = (rest + chunk.toString()).split("\n");
    rest = lines.pop();
    for (const line of lines) post({ message: JSON.parse(line) });
  });
  messages.on("error", () => {});
}

if (!isMainThread && parentPort) runWorker();
