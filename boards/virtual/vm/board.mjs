// `_board`: what the shim modules call.  An exception here would end node, so every function
// returns a code; buffers come as addresses in the VM's memory and are never copied twice.

import { createCipheriv, createDecipheriv, randomFillSync } from "node:crypto";
import { usedBlocks } from "./hostfs.mjs";
import * as bus from "./buslink.mjs";

const FAILED = -9999; // a bug on this side; the shims raise RuntimeError
const CHUNK = 32768 - 8;
const UNIX_2000_MS = 946684800000;

function guarded(functions) {
  const out = {};
  for (const [name, call] of Object.entries(functions)) {
    out[name] = (...args) => {
      try {
        return call(...args);
      } catch (error) {
        process.stderr.write(`_board.${name}: ${error.stack}\n`);
        return FAILED;
      }
    };
  }
  return out;
}

function pinsAndSpi(link, memory) {
  return {
    pin_set(pin, level) {
      link.out[link.begin(bus.PIN, pin, 1)] = level;
      return 0;
    },
    pin_mode(pin, mode) {
      link.out[link.begin(bus.PIN_MODE, pin, 1)] = mode;
      return 0;
    },
    pin_get(pin) {
      link.begin(bus.PIN_READ, pin, 0);
      return link.exchange();
    },
    // transmit: address, or fill byte when txAddress is 0; rxAddress 0: received bytes are dropped
    spi(id, txAddress, rxAddress, size, fill) {
      if (size > CHUNK) return FAILED;
      const at = link.begin(bus.SPI, id, size);
      const heap = memory();
      if (txAddress) link.out.set(heap.subarray(txAddress, txAddress + size), at);
      else link.out.fill(fill, at, at + size);
      const status = link.exchange();
      if (status === 0 && rxAddress) heap.set(link.payload(), rxAddress);
      return status;
    },
  };
}

function flash(link, memory) {
  return {
    flash_read(at, address, size) {
      for (let done = 0; done < size; done += CHUNK) {
        const n = Math.min(CHUNK, size - done);
        const p = link.begin(bus.FLASH_READ, 0, 8);
        link.out.writeUInt32LE(at + done, p);
        link.out.writeUInt32LE(n, p + 4);
        const status = link.exchange();
        if (status !== 0) return status;
        memory().set(link.payload(), address + done);
      }
      return 0;
    },
    flash_program(at, address, size) {
      for (let done = 0; done < size; done += CHUNK) {
        const n = Math.min(CHUNK, size - done);
        const p = link.begin(bus.FLASH_PROGRAM, 0, 4 + n);
        link.out.writeUInt32LE(at + done, p);
        link.out.set(memory().subarray(address + done, address + done + n), p + 4);
        const status = link.exchange();
        if (status !== 0) return status;
      }
      return 0;
    },
    flash_erase(at, size) {
      const p = link.begin(bus.FLASH_ERASE, 0, 8);
      link.out.writeUInt32LE(at, p);
      link.out.writeUInt32LE(size, p + 4);
      return link.exchange();
    },
  };
}

function crypto(memory) {
  return {
    random(address, size) {
      randomFillSync(memory(), address, size);
      return 0;
    },
    // mode 1 ECB, 2 CBC; iv (16 bytes) is replaced by the next one, as a chip's context keeps it
    aes(mode, encrypt, keyAddress, keySize, ivAddress, inAddress, outAddress, size) {
      const heap = memory();
      const key = heap.slice(keyAddress, keyAddress + keySize);
      const iv = mode === 1 ? null : heap.slice(ivAddress, ivAddress + 16);
      const name = `aes-${keySize * 8}-${mode === 1 ? "ecb" : "cbc"}`;
      const make = encrypt ? createCipheriv : createDecipheriv;
      const cipher = make(name, key, iv).setAutoPadding(false);
      const input = heap.slice(inAddress, inAddress + size);
      const output = Buffer.concat([cipher.update(input), cipher.final()]);
      heap.set(output, outAddress);
      if (iv && size) heap.set((encrypt ? output : input).subarray(size - 16), ivAddress);
      return 0;
    },
  };
}

function retained(link, memory) {
  return {
    rtc_store(address, size) {
      const at = link.begin(bus.RTC_STORE, 0, size);
      link.out.set(memory().subarray(address, address + size), at);
      return link.exchange();
    },
    // -> size; address 0 only asks for it
    rtc_load(address) {
      link.begin(bus.RTC_LOAD, 0, 0);
      link.exchange();
      if (address) memory().set(link.payload(), address);
      return link.replySize;
    },
  };
}

// vm: the running board (vm.mjs).
export function boardModule(vm) {
  const { link, clock, timers } = vm;
  const memory = () => vm.module.HEAPU8;
  return guarded({
    ...pinsAndSpi(link, memory),
    ...flash(link, memory),
    ...crypto(memory),
    ...retained(link, memory),
    call: (text) => {
      const reply = link.call(JSON.parse(text));
      if (reply.clock) clock.apply(reply.clock);
      return JSON.stringify(reply);
    },
    timer_start: (id, periodMs, repeat) => (timers.start(id, periodMs, repeat !== 0), 0),
    timer_stop: (id) => (timers.stop(id), 0),
    on_timer: (dispatch) => ((vm.dispatch = dispatch), 0),
    callback: (entered, again) => (vm.onCallback(entered === 1, again === 1), 0),
    allowed: () => vm.allow,
    on_start: (schedule, drain, listen, execFile) => {
      Object.assign(vm, { schedule, drain, listen, execFile });
      return 0;
    },
    sleep_us: (us) => Math.ceil(vm.sleep(us / 1000) * 1000), // -> us that are left
    strike: () => (vm.strike(), 0),
    stdin_wait: (ms) => (vm.waitChar(ms) ? 1 : 0),
    // numbers cross as i32: whole seconds, and the ms of that same reading
    rtc_s: () => {
      vm.readingMs = clock.rtcNowMs() - UNIX_2000_MS;
      return Math.floor(vm.readingMs / 1000);
    },
    rtc_fraction_ms: () => vm.readingMs - Math.floor(vm.readingMs / 1000) * 1000,
    ticks_us: () => Math.floor(clock.ticksMs() * 1000) % 2 ** 30,
    wdt_feed: () => (link.begin(bus.WDT_FEED, 0, 0), 0),
    used_blocks: () => usedBlocks(vm.filesRoot),
    hard_reset: () => vm.exit(vm.EXIT_HARD),
    soft_reset: () => vm.reset(false),
  });
}
