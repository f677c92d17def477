// The page: five cards and a sheet, what the networks answer, and who computes it.
import { Card, WAYS } from "./classes.js";
import { Pad } from "./pad.js";
import { Paths, Results } from "./results.js";

const STEPS = 5;
const find = (id) => document.getElementById(id);
const calm = matchMedia("(prefers-reduced-motion: reduce)");

const cards = Array.from({ length: WAYS }, (_, k) => new Card(k));
const query = new Pad(find("query"), () => "The drawing to be told", "keys");
const results = new Results(find("results"), WAYS);
const paths = new Paths(find("steps"), find("paths"), STEPS, showMaml);

let worker = null;
let support = 0, asked = 0; // versions, that answers name
let answers = []; // MAML's scores after each step, of this support set and query
let characters = []; // to surprise with
let held = null; // of the surprise: the drawings of each class that are not shown
let best = null; // what Prototypical Networks say
let turn = 0; // of surprises: a newer one, or a new start, ends what is being drawn
const before = []; // what surprises and new starts took away

// ---- the networks ------------------------------------------------------------------------

function compute(device) {
  worker?.terminate();
  worker = new Worker("./worker.js", { type: "module" });
  worker.onmessage = ({ data }) => told[data.type](data);
  worker.onerror = (event) => trouble(`The networks cannot run: ${event.message ?? "the worker did not start"}`);
  worker.postMessage({ type: "load", device });
  find("device").textContent = "Loading the networks …";
  delete find("device").dataset.device;
  document.body.dataset.ready = "";
  teach();
  ask();
}

const told = {
  progress: ({ name, fraction, what }) => {
    if (name === "prototypes") find("device").textContent = `Loading the networks: ${what}, ${Math.round(100 * fraction)} %`;
  },
  ready: (data) => {
    trouble("");
    document.body.dataset.ready += ` ${data.name}`;
    computedBy(data);
  },
  failed: ({ name, message }) => {
    const gone = /404|fetch|not found/i.test(message), maml = name === "maml";
    const [who, verb] = maml ? ["MAML", "is"] : ["The networks", "are"];
    const instead = find("computer").value === "webgpu" && !gone
      ? " Compute with “what is best here”, and the CPU steps in." : "";
    trouble(gone
      ? `${who} ${verb} not in this folder (${message}). “make draw-demo” trains ${maml ? "it" : "them"} and makes the page.`
      : `${who} cannot run here: ${message}.${instead}`);
    if (!maml && !find("device").dataset.device) find("device").textContent = "Nothing computes yet.";
  },
  lost: ({ name, reason }) => {
    const who = name === "maml" ? "MAML goes" : "Prototypical Networks go";
    trouble(`${who} on with the CPU: ${reason}.`);
  },
  step: ({ version, step, loss }) => {
    if (version !== support) return;
    paths.reach(step, loss);
    showMaml();
  },
  scores: (data) => {
    if (data.support !== support || data.query !== asked) return;
    computedBy(data);
    const { dataset } = find("results"); // which drawings each method has answered
    if (data.name === "maml") {
      answers[data.step] = data.scores;
      showMaml();
      if (Object.keys(answers).length > STEPS) dataset.maml = dataset.asked;
    } else {
      dataset.prototypes = dataset.asked;
      best = results.show("prototypes", data.scores, present());
      verdict();
    }
  },
};

function computedBy({ device, deviceName, reason, took, name }) {
  const who = device === "webgpu" ? `${deviceName || "the GPU"} through WebGPU` : "JavaScript, on the CPU";
  const time = took === undefined || name === "maml" ? "" : ` in ${took < 10 ? took.toFixed(1) : Math.round(took)} ms`;
  if (time || !find("device").dataset.device) {
    find("device").textContent = `Computed by ${who}${time}.${reason ? ` (${reason}.)` : ""}`;
  }
  find("device").dataset.device = device;
  find("without").hidden = device === "webgpu" || find("computer").value === "cpu";
}

// For screen readers: what was done on a sheet.
function say(text) {
  find("said").textContent = text;
}

function trouble(text) {
  find("trouble").textContent = text;
  find("trouble").hidden = !text;
}

// ---- what they are asked -------------------------------------------------------------------

const present = () => cards.flatMap((card, k) => (card.drawn.length ? [k] : []));

function teach() {
  support += 1;
  answers = [];
  paths.restart();
  const drawings = cards.flatMap((card, label) => card.drawn.map((pad) => ({ label, ...pad.ink })));
  results.classes(cards.map((card) => (card.drawn.length ? card.name : null)));
  worker.postMessage({ type: "support", version: support, drawings, present: present() });
  questioned();
}

function ask() {
  asked += 1;
  answers = [];
  const image = query.empty ? null : query.ink.image;
  seen(image);
  worker.postMessage({ type: "query", version: asked, image });
  questioned();
}

// Takes away what no longer holds; bars stay until the next answer, while one is drawing.
function questioned() {
  find("results").dataset.asked = `${support}/${asked}`;
  if (query.empty || present().length < 2) {
    best = results.show("prototypes", null, []);
    results.show("maml", null, []);
  }
  verdict();
  showMaml();
}

let saying = 0;
function verdict() {
  clearTimeout(saying);
  const text = sentence();
  // once the hand rests: a screen reader should not hear every stroke's guess
  saying = setTimeout(() => { if (find("verdict").textContent !== text) find("verdict").textContent = text; }, best ? 250 : 0);
}

function sentence() {
  const there = present();
  if (!there.length) return "First draw an example of two or more symbols.";
  if (there.length === 1) return "With one symbol there is nothing to tell apart: draw an example of another.";
  if (query.empty) return "Now draw one of them in the large sheet.";
  if (!best) return "…";
  const sure = best.likely > 0.9 ? "This is" : best.likely > 0.6 ? "This looks like" : "This might be";
  return `${sure} ${cards[best.best].name}.`;
}

function showMaml() {
  const there = present(), names = cards.map((card) => card.name);
  const scores = answers[paths.step];
  if (scores && there.length > 1 && !query.empty) results.show("maml", scores, there);
  paths.draw(query.empty ? [] : answers, there, names);
  const { reached, losses, step } = paths;
  find("adapting").textContent = there.length < 2 ? "Five gradient steps on your examples, once there are two symbols."
    : reached < 0 ? "Waiting for the network …"
    : reached < STEPS ? `Adapting: step ${reached + 1} of ${STEPS} …`
    : `Loss on your examples: ${losses[0].toFixed(2)} before the first step, ${losses.at(-1).toFixed(2)} before the last. Shown: ${step ? `after step ${step}` : "before any step"}.`;
  find("adaptation").dataset.reached = reached;
}

function seen(image) {
  const canvas = find("seen"), context = canvas.getContext("2d");
  const pixels = context.createImageData(28, 28);
  for (let i = 0; i < 784; i++) pixels.data.set([255, 255, 255, 255 * (image?.[i] ?? 0)], 4 * i);
  context.putImageData(pixels, 0, 0);
}

// ---- surprises -------------------------------------------------------------------------------

const points = (flat) => Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i] / 1000, flat[2 * i + 1] / 1000]);

function chosen(list, count) {
  const rest = [...list];
  return Array.from({ length: count }, () => rest.splice(Math.floor(Math.random() * rest.length), 1)[0]);
}

// Puts by what is there, for "Bring back".
function putBy() {
  turn += 1;
  const states = cards.map((card) => card.state);
  if (!query.empty || states.some(({ name, drawings }) => name || drawings.length)) {
    before.push({ states, strokes: query.strokes, held });
  }
  if (before.length > 20) before.shift();
  find("back").hidden = !before.length;
}

async function bringBack() {
  turn += 1;
  const { states, strokes, held: were } = before.pop();
  held = were;
  find("another").hidden = !held;
  find("another").disabled = !held?.some((drawings) => drawings.length);
  if (!before.length) {
    find("surprise").focus(); // where the hidden button had it
    find("back").hidden = true;
  }
  await Promise.all(cards.map((card, k) => {
    card.name = states[k].name;
    return card.show(states[k].drawings, false);
  }));
  await query.show(strokes, false);
  say("Your drawings are back.");
}

async function surprise() {
  const animated = !calm.matches;
  putBy();
  const mine = turn;
  query.clear();
  held = chosen(characters, WAYS).map(({ drawings }) => chosen(drawings, drawings.length).map((strokes) => strokes.map(points)));
  await Promise.all(cards.map((card, k) => {
    card.name = "";
    return card.show([held[k].pop()], animated);
  }));
  if (mine !== turn) return;
  find("another").hidden = false;
  await another();
}

async function another() {
  const left = held.filter((drawings) => drawings.length);
  if (left.length) await query.show(chosen(left, 1)[0].pop(), !calm.matches);
  find("another").disabled = !held.some((drawings) => drawings.length);
}

async function loadCharacters() {
  const answer = await fetch("./drawings.json");
  if (!answer.ok) return;
  const { characters: found, source } = await answer.json();
  characters = found;
  find("source").textContent = `Source: ${source}.`;
  find("surprise").disabled = characters.length < WAYS;
}

// ---- start -----------------------------------------------------------------------------------

for (const card of cards) {
  find("classes").append(card.element);
  card.addEventListener("change", teach);
  card.addEventListener("said", ({ detail }) => say(detail));
}
query.addEventListener("said", ({ detail }) => say(detail));
query.addEventListener("change", ask);
find("undo").addEventListener("click", () => query.undo());
find("clear").addEventListener("click", () => query.clear());
find("surprise").addEventListener("click", () => { find("another").disabled = false; surprise(); });
find("another").addEventListener("click", another);
find("back").addEventListener("click", bringBack);
find("restart").addEventListener("click", () => {
  putBy();
  held = null;
  for (const card of cards) {
    card.name = "";
    card.show([], false);
  }
  query.clear();
  find("another").hidden = true;
});
find("computer").addEventListener("change", ({ target }) => compute(target.value));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const pad of [query, ...cards.flatMap((card) => card.pads)]) pad.draw();
});

addEventListener("resize", showMaml);
globalThis.drawn = { cards, query }; // for tests, and for the curious

const wanted = new URLSearchParams(location.search).get("device");
if (["webgpu", "cpu"].includes(wanted)) find("computer").value = wanted;
compute(find("computer").value);
loadCharacters();
if (navigator.serviceWorker && isSecureContext) navigator.serviceWorker.register("./offline.js");
