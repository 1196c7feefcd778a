// Output of the REPL: buffered, LF cooked to CRLF as the chip's stdout does.

import fs from "node:fs";

const CR = 13, LF = 10;
const SIZE = 4096;
const NOBODY = new Int32Array(new SharedArrayBuffer(4));

export class Console {
  constructor(fd) {
    this.fd = fd;
    this.buffer = Buffer.alloc(SIZE);
    this.used = 0;
    this.last = 0;
    this.captured = null;
    this.encoder = new TextEncoder();
  }

  // One byte from the VM.
  put(byte) {
    if (byte === LF && this.last !== CR) this.raw(CR);
    this.raw(byte);
    this.last = byte;
  }

  raw(byte) {
    if (this.captured) {
      this.captured.push(byte);
      return;
    }
    this.buffer[this.used++] = byte;
    if (this.used === SIZE) this.flush();
  }

  write(text) {
    for (const byte of this.encoder.encode(text)) this.put(byte);
  }

  // Runs call() and keeps its output from the line; -> that output.
  capture(call) {
    const captured = (this.captured = []);
    try {
      call();
    } finally {
      this.captured = null;
    }
    return new TextDecoder().decode(Uint8Array.from(captured));
  }

  flush() {
    let done = 0;
    while (done < this.used) {
      try {
        done += fs.writeSync(this.fd, this.buffer, done, this.used - done);
      } catch (error) {
        if (error.code !== "EAGAIN") throw error;
        Atomics.wait(NOBODY, 0, 0, 1); // node made the pipe non-blocking; the reader is slow
      }
    }
    this.used = 0;
  }
}
