// node tests/vm/fuzz.mjs SEED NAME=INPUTS ...: the targets of tests/fuzz in the MicroPython VM.
// Prints a line of JSON for each: name, inputs, failed, growth of the heap in bytes and of the
// interned strings over the second half of the inputs (tests/fuzz/memory.py), steady: by how
// much the heap grows from each life to the next, outcomes, failures [[kind, text, [input in hex, ...]], ...]. A VM of its own for each, as a crash ends it.
import { start, words } from "./vm.mjs";

const PER_CALL = 5; // garbage is collected between calls only
const FOLDERS = ["firmware", "boards/virtual", "tests/shared", "tests/fuzz"];
const LIVES_MIN = 32;
const AGAIN = "again"; // looks at what is loaded on demand, which stays for the others

async function fuzz(seed, name, inputs) {
  const began = Date.now();
  const [said, heap, interned] = [[], [], []];
  const vm = await start((line) => said.push(line), FOLDERS);
  const python = (text) => vm.runPython(text);
  const number = (text) => (python(`found = ${text}`), vm.globals.get("found"));
  const look = () => {
    python("part = None; run.rest()");
    python("gc.collect()"); // a collection asked for is done when the call has ended
    python("gc.collect()");
    python("micropython.qstr_info()");
    interned.push(+/n_qstr=(\d+)/.exec(said.splice(0).join("\n"))[1]);
    heap.push(number("gc.mem_alloc()"));
  };
  python("import gc, json, micropython\nfrom tests.fuzz import memory");
  if (name !== AGAIN) python("memory.keep_modules()");
  python(`
from tests.fuzz.run import Run
run = Run(${JSON.stringify(name)}, ${JSON.stringify(seed)})
`);
  if (name !== AGAIN) python("memory.load_all()");
  const life = Math.min(number("run.target.LIFE"), Math.ceil(inputs / LIVES_MIN));
  for (let lives = 0, fed = 0; fed < inputs; lives += 1) {
    python(`part = run.begin(${lives})`);
    for (const end = Math.min(fed + life, inputs); fed < end; fed += PER_CALL) {
      python(`run.some(part, ${Math.min(PER_CALL, end - fed)})`);
    }
    fed = number("run.inputs");
    if (fed >= inputs / 2) look();
  }
  python(`
told = run.told()
told["bytes"] = memory.growth(${JSON.stringify(heap)})
told["steady"] = memory.steady(${JSON.stringify(heap)})
told["interned"] = memory.growth(${JSON.stringify(interned)})
told = json.dumps(told)
`);
  return { ...JSON.parse(vm.globals.get("told")), name, ms: Date.now() - began };
}

const [seed, ...wanted] = process.argv.slice(2);
let bad = false;
for (const word of wanted) {
  const [name, inputs] = word.split("=");
  try {
    console.log(JSON.stringify(await fuzz(seed, name, +inputs)));
  } catch (error) {
    bad = true;
    console.log(JSON.stringify({ name, crash: words(error) }));
  }
}
process.exit(bad ? 1 : 0);
