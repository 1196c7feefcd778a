"use strict";
// Keeps the page live. Texts come ready from the server; here they only get their place, always
// as text: nothing that a meter says is ever read as HTML.

const AGAIN_MS = 5000;
const DAY_MIN = 1440;
const place = (id) => document.getElementById(id);
const state = { now: null, at: 0, day: null, lost: false, news: "" };

function make(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  // Names of rates are long: a line may break after each _ in them.
  text.split(/(?<=_)/).forEach((part, i) => {
    if (i) made.append(document.createElement("wbr"));
    made.append(part);
  });
  return made;
}

function put(id, text) {
  if (place(id).textContent !== text) place(id).textContent = text;
}

/* kinds of the cells: r heads the row, n a number, t a text */
function rows(id, lines, kinds) {
  const cell = { r: ["th", { scope: "row" }], n: ["td", { class: "n" }], t: ["td", {}] };
  place(id).replaceChildren(...lines.map((line) => {
    const row = document.createElement("tr");
    row.append(...line.map((text, i) => make(cell[kinds[i]][0], text, cell[kinds[i]][1])));
    return row;
  }));
}

function list(id, texts) {
  place(id).replaceChildren(...texts.map((text) => make("li", text)));
}

function showNow(now) {
  state.now = now;
  state.at = performance.now();
  put("meter", now.meter);
  put("at", now.at);
  put("silence", now.silence);
  place("facts").replaceChildren(...now.facts.map((fact) => {
    const group = document.createElement("div");
    if (fact.big) group.className = "big";
    group.append(make("dt", fact.name), make("dd", fact.text));
    return group;
  }));
  list("alerts", now.alerts.length ? now.alerts : ["None."]);
  tell(now);
  showAge();
}

/* To screen readers: what changes seldom, and not the power of each second. */
function tell(now) {
  const said = now.facts.filter((fact) => /^(rate|price) now$/.test(fact.name))
    .map((fact) => `${fact.name}: ${fact.text}`).concat(now.alerts).join("; ");
  if (state.news && said !== state.news) put("news", said);
  state.news = said;
}

function age() {
  if (state.now === null || state.now.age_s === null) return null;
  return state.now.age_s + (performance.now() - state.at) / 1000;
}

function words(seconds) {
  const steps = [[120, 1, "s"], [7200, 60, "min"], [172800, 3600, "h"], [Infinity, 86400, "days"]];
  const [, unit, name] = steps.find(([limit]) => seconds < limit);
  return `${Math.floor(seconds / unit)} ${name} old`;
}

function showAge() {
  const seconds = age();
  if (seconds === null) return;
  const stale = seconds > state.now.stale_after_s;
  document.body.classList.toggle("stale", stale || state.lost || state.now.silence !== "");
  const lost = state.lost ? ", the connection is lost, trying again" : "";
  put("age", stale || state.lost || state.now.silence ? `(${words(seconds)}${lost})` : "");
}

function showDay(day) {
  if (day === null) return;
  state.day = day;
  put("summary", day.summary);
  put("today", day.today.date);
  put("yesterday", day.yesterday.date);
  rows("hours", day.hours, "rnn");
  put("bill-of", day.bill.title);
  rows("bill", day.bill.lines, "rnnn");
  put("total", day.bill.total);
  put("currency", day.bill.currency);
  rows("events", day.events, "rtt");
  draw();
}

/* ---- the curve ------------------------------------------------------------------------- */

const MARGIN = { left: 52, right: 10, top: 12, bottom: 24 };
const HEIGHT = 240;

/* -> [lowest, highest, step] of an axis in kW with at most six steps */
function axis(values) {
  const low = Math.min(0, ...values), high = Math.max(0, ...values) || 1;
  const rough = (high - low) / 5, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
  return [Math.floor(low / step) * step, Math.ceil(high / step) * step, step];
}

function steps(points, x, y) {
  let path = "", until = null;
  for (const [from, to, kw] of points) {
    path += `${from === until ? "L" : "M"}${x(from)} ${y(kw)}L${x(to)} ${y(kw)}`;
    until = to;
  }
  return path;
}

function areas(points, x, y) {
  return points.map(([from, to, kw]) => `M${x(from)} ${y(0)}V${y(kw)}H${x(to)}V${y(0)}Z`).join("");
}

function shape(tag, attributes, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

function draw() {
  if (state.day === null) return;
  const kilowatts = (points) => points.map(([from, to, mw]) => [from, to, mw / 1e6]);
  const today = kilowatts(state.day.today.points), yesterday = kilowatts(state.day.yesterday.points);
  place("chart").hidden = !today.length && !yesterday.length;
  const width = place("curve").clientWidth;
  if (!width) return;
  const [low, high, step] = axis([...today, ...yesterday].map((point) => point[2]));
  const x = (m) => +(MARGIN.left + (width - MARGIN.left - MARGIN.right) * m / DAY_MIN).toFixed(1);
  const y = (kw) => +(MARGIN.top + (HEIGHT - MARGIN.top - MARGIN.bottom) * (high - kw) / (high - low)).toFixed(1);
  const made = [];
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  for (let n = Math.round(low / step); n * step <= high + step / 2; n++) {
    made.push(shape("path", { class: n ? "grid" : "zero", d: `M${x(0)} ${y(n * step)}H${x(DAY_MIN)}` }));
    const unit = (n + 1) * step > high + step / 2 ? " kW" : "";
    made.push(shape("text", { x: MARGIN.left - 6, y: y(n * step) + 4, "text-anchor": "end" },
      (n * step).toFixed(decimals) + unit));
  }
  for (let hour = 0; hour <= 24; hour += 6) {
    const anchor = hour === 24 ? "end" : "middle";
    made.push(shape("path", { class: "grid", d: `M${x(hour * 60)} ${MARGIN.top}V${HEIGHT - MARGIN.bottom}` }));
    made.push(shape("text", { x: x(hour * 60), y: HEIGHT - 6, "text-anchor": anchor },
      `${String(hour).padStart(2, "0")}:00`));
  }
  made.push(shape("path", { class: "area", d: areas(today, x, y) }));
  made.push(shape("path", { class: "yesterday", d: steps(yesterday, x, y) }));
  made.push(shape("path", { class: "today", d: steps(today, x, y) }));
  place("curve").setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  place("curve").replaceChildren(...made);
}

/* ---- another tariff ---------------------------------------------------------------------- */

async function wanted() {
  const file = place("file").files[0];
  return file ? { toml: await file.text(), file: file.name } : { example: place("example").value };
}

async function compare(event) {
  event.preventDefault();
  put("wrong", "");
  put("busy", "Billing both…");
  place("compare").disabled = true;
  try {
    const answer = await fetch("/api/simulate", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(await wanted()),
    });
    const found = await answer.json();
    if (answer.ok) showResult(found);
    else fail(found.error);
  } catch {
    fail("The server does not answer: is wattledger serve still running?");
  } finally {
    place("compare").disabled = false;
    put("busy", "");
  }
}

function fail(text) {
  place("result").hidden = true;
  put("wrong", text);
}

function showResult(found) {
  const now = found.old ? `${found.old.total} ${found.currency}` : "not known";
  const share = found.percent ? ` (${found.percent} %)` : "";
  put("result-title", `${found.new.name}: ${found.new.total} ${found.currency}`);
  put("result-span", `${found.span}. In force: ${now}. `
    + (found.change ? `Change: ${found.change} ${found.currency}${share}.` : ""));
  rows("result-lines", found.lines, "rnnn");
  put("result-old", found.old ? found.old.total : "");
  put("result-new", found.new.total);
  put("result-change", found.change);
  list("result-notes", found.notes);
  place("result").hidden = false;
  place("result").focus();
}

/* ---- the stream -------------------------------------------------------------------------- */

function follow() {
  const stream = new EventSource("/api/stream");
  stream.addEventListener("now", (event) => { connected(true); showNow(JSON.parse(event.data)); });
  stream.addEventListener("day", (event) => showDay(JSON.parse(event.data)));
  stream.onerror = () => {
    connected(false);
    if (stream.readyState !== EventSource.CLOSED) return; // else it tries again by itself
    stream.close();
    setTimeout(follow, AGAIN_MS);
  };
}

function connected(is) {
  if (state.lost === is) put("news", is ? "Connected again." : "The connection is lost.");
  state.lost = !is;
  showAge();
}

place("simulate").hidden = false;
place("simulate").addEventListener("submit", compare);
place("example").addEventListener("change", () => { place("file").value = ""; });
new ResizeObserver(draw).observe(place("main"));
setInterval(showAge, 1000);
follow();
