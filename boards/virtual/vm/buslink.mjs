// The synchronous line to the simulated hardware.  Frames are described in wire.py, which must
// hold the same numbers.

import fs from "node:fs";

export const PIN = 1, PIN_MODE = 2, PIN_READ = 3, SPI = 4, FLASH_READ = 6, FLASH_PROGRAM = 7;
export const FLASH_ERASE = 8, CALL = 10, STEP = 11, EVENT = 12, WDT_FEED = 13;
export const RTC_STORE = 14, RTC_LOAD = 15;

const HEADER_SIZE = 4; // u8 op, u8 arg, u16 payload size
const REPLY_HEADER_SIZE = 8; // i32 status, u32 payload size
const PAYLOAD_SIZE_MAX = 32768;
const EXIT_NO_HARDWARE = 3; // the bridge is gone, and with it the power
const QUEUE_SIZE_MAX = 4096; // coalesced edges are written out beyond this

export class BusLink {
  constructor(requestFd, replyFd) {
    this.requestFd = requestFd;
    this.replyFd = replyFd;
    this.out = Buffer.alloc(QUEUE_SIZE_MAX + HEADER_SIZE + PAYLOAD_SIZE_MAX);
    this.used = 0;
    this.reply = Buffer.alloc(REPLY_HEADER_SIZE + PAYLOAD_SIZE_MAX * 2);
    this.replySize = 0;
  }

  // Starts a frame in the output buffer; -> index of its payload.
  begin(op, arg, size) {
    if (size > PAYLOAD_SIZE_MAX) throw new RangeError("bus frame too long");
    if (this.used > QUEUE_SIZE_MAX) this.flush();
    const out = this.out, at = this.used;
    out[at] = op;
    out[at + 1] = arg;
    out[at + 2] = size & 0xff;
    out[at + 3] = size >> 8;
    this.used = at + HEADER_SIZE + size;
    return at + HEADER_SIZE;
  }

  // Writes what is queued.  Frames without a reply wait here for the next one that has one.
  flush() {
    let done = 0;
    while (done < this.used) {
      try {
        done += fs.writeSync(this.requestFd, this.out, done, this.used - done);
      } catch (error) {
        if (error.code !== "EPIPE") throw error;
        process.reallyExit(EXIT_NO_HARDWARE);
      }
    }
    this.used = 0;
  }

  // Sends the queue and waits for one reply.  -> status; the payload is `this.payload()`.
  exchange() {
    this.flush();
    const reply = this.reply;
    let got = 0, need = REPLY_HEADER_SIZE;
    while (got < need) {
      const n = fs.readSync(this.replyFd, reply, got, reply.length - got, null);
      if (n === 0) process.reallyExit(EXIT_NO_HARDWARE);
      got += n;
      if (got >= REPLY_HEADER_SIZE) need = REPLY_HEADER_SIZE + reply.readUInt32LE(4);
    }
    this.replySize = need - REPLY_HEADER_SIZE;
    return reply.readInt32LE(0);
  }

  payload() {
    return this.reply.subarray(REPLY_HEADER_SIZE, REPLY_HEADER_SIZE + this.replySize);
  }

  // Rare operations: JSON both ways.  -> parsed reply, or {error} when the hardware refused.
  call(request) {
    const body = Buffer.from(JSON.stringify(request));
    const at = this.begin(CALL, 0, body.length);
    body.copy(this.out, at);
    this.exchange();
    return JSON.parse(this.payload().toString());
  }

  // Tells the bridge something; no reply.
  event(message) {
    const body = Buffer.from(JSON.stringify(message));
    body.copy(this.out, this.begin(EVENT, 0, body.length));
    this.flush();
  }
}
