// The REPL protocol of the chip: friendly REPL by the VM itself; raw REPL and raw paste here,
// because the port's own has no raw paste and keeps its line after sys.exit().

const CTRL_A = 1, CTRL_B = 2, CTRL_C = 3, CTRL_D = 4, CTRL_E = 5, CR = 13, LF = 10;
const WINDOW = 4096; // raw-paste bytes in flight
const RAW_BANNER = "raw REPL; CTRL-B to exit\r\n";

export class Repl {
  // vm: {feed(byte) -> code, exec(text) -> error or null, reset(raw)}
  constructor(vm, console) {
    this.vm = vm;
    this.console = console;
    this.mode = "friendly"; // or "raw" or "paste"
    this.line = [];
    this.window = WINDOW;
  }

  // First prompt after boot.py and main.py.
  start(raw) {
    if (!raw) {
      this.vm.init();
      return;
    }
    this.console.capture(() => this.vm.init());
    this.byte(CTRL_A);
  }

  byte(c) {
    if (this.mode === "friendly") this.friendlyByte(c);
    else if (this.mode === "raw") this.rawByte(c);
    else this.pasteByte(c);
  }

  friendlyByte(c) {
    if (c !== CTRL_A) {
      const mayRun = c === CR || c === LF || c === CTRL_D;
      if (this.vm.feed(c, mayRun)) this.vm.reset(false);
      return;
    }
    // on an empty line the VM turns to its raw mode and says so; elsewhere it moves the cursor
    const said = this.console.capture(() => this.vm.feed(c, false));
    this.console.write(said);
    if (said.includes("raw REPL")) {
      this.mode = "raw";
      this.line = [];
    }
  }

  rawByte(c) {
    const line = this.line;
    if (c === CTRL_A) {
      if (line.length === 2 && line[0] === CTRL_E) this.beginPaste(line[1]);
      else this.console.write(`${RAW_BANNER}>`);
      this.line = [];
    } else if (c === CTRL_B) {
      this.mode = "friendly";
      this.vm.feed(CTRL_B, false); // the VM leaves its raw mode and prints its banner
    } else if (c === CTRL_C) {
      this.line = [];
    } else if (c === CTRL_D) {
      this.line = [];
      this.console.write("OK");
      if (line.length === 0) {
        this.console.write("\r\n");
        this.vm.reset(true);
      }
      this.run(line);
    } else {
      line.push(c);
    }
  }

  beginPaste(kind) {
    if (kind !== "A".charCodeAt(0)) {
      this.console.write("R\x00>");
      return;
    }
    this.console.write("R\x01");
    this.console.raw(WINDOW & 0xff);
    this.console.raw(WINDOW >> 8);
    this.mode = "paste";
    this.window = WINDOW;
  }

  pasteByte(c) {
    if (c === CTRL_D || c === CTRL_C) {
      const line = this.line;
      this.line = [];
      this.mode = "raw";
      this.console.write("\x04");
      if (c === CTRL_D) this.run(line);
      else this.console.write("\x04\x04>");
      return;
    }
    this.line.push(c);
    if (--this.window === 0) {
      this.window = WINDOW;
      this.console.write("\x01");
    }
  }

  // Runs a raw command and prints EOT, the traceback if any, EOT, prompt.
  run(bytes) {
    const error = this.vm.exec(new TextDecoder().decode(Uint8Array.from(bytes)));
    this.console.write("\x04");
    if (error && error.type !== "SystemExit") this.console.write(error.message);
    this.console.write("\x04");
    if (error?.type === "SystemExit") this.vm.reset(true);
    this.console.write(">");
  }
}
