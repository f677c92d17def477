// Runs both networks beside the page, so that drawing never waits: the newest drawing
// first, then MAML's steps one by one.

const WAYS = 5, SHOTS = 5, STEPS = 5, PIXELS = 28 * 28;
const NAMES = ["prototypes", "maml"]; // folders, in the order of loading

const models = {};
let support = null; // {version, drawings: [{key, label, image}], present}
let query = null; // {version, image}
const embedded = new Map(); // a drawing's vector by its key
let compared = ""; // which support set and query Prototypical Networks answered last
let steps = { support: -1, weights: [], answered: [] }; // weights stay on the device
let busy = false;

self.onmessage = ({ data }) => {
  if (data.type === "load") load(data.device);
  if (data.type === "support") support = data;
  if (data.type === "query") query = data;
  work();
};

async function load(device) {
  for (const name of NAMES) {
    const began = performance.now();
    const onProgress = (fraction, what) => post("progress", { name, fraction, what });
    try {
      const folder = new URL(`./${name}/`, self.location.href).href;
      const { load } = await import(`${folder}neurenix.js`);
      models[name] = await load(folder, { device, onProgress });
      post("ready", { name, took: performance.now() - began, ...where(name) });
    } catch (error) {
      post("failed", { name, message: error.message });
      return;
    }
    await work(); // the first answer before the second network is loaded
  }
}

const post = (type, rest) => self.postMessage({ type, ...rest });

const where = (name) => {
  const { device, deviceName, reason } = models[name];
  return { device, deviceName: deviceName ?? "", reason: reason ?? null };
};

// One thing after the other; between two, messages come in.
async function work() {
  if (busy) return;
  busy = true;
  try {
    for (let next = todo(); next; next = todo()) {
      await next();
      await new Promise((resolve) => setTimeout(resolve));
    }
  } catch (error) {
    post("failed", { name: "", message: error.message });
  } finally {
    busy = false;
  }
}

// What a network makes of it. If its device is lost, what was kept there is lost, too: the
// runner goes on with the CPU, and adaptation begins anew.
async function run(name, ...call) {
  const { device } = models[name];
  try {
    return await models[name].run(...call);
  } catch (error) {
    if (!error.lost || models[name].device === device) throw error;
    return null;
  } finally {
    if (models[name].device !== device) {
      forget();
      post("lost", { name, ...where(name) });
    }
  }
}

function forget() {
  for (const weights of steps.weights) for (const kept of Object.values(weights)) kept.dispose();
  steps = { support: -1, weights: [], answered: [] };
}

function todo() {
  if (!support) return null;
  const several = support.present.length > 1;
  const asked = several && query?.image ? `${support.version}/${query.version}` : "";
  if (models.prototypes) {
    const missing = support.drawings.find(({ key }) => !embedded.has(key));
    if (missing) return () => embed(missing);
    if (asked && compared !== asked) return () => classify(asked);
  }
  if (!models.maml || !several) return null;
  if (steps.support !== support.version) return start;
  const open = asked ? steps.weights.findLastIndex((_, k) => steps.answered[k] !== asked) : -1;
  if (open >= 0) return () => predict(open, asked);
  return steps.weights.length <= STEPS ? step : null;
}

async function embed({ key, image }) {
  const { embedding } = await run("prototypes", "embed", { image });
  if (embedded.size > 200) embedded.clear();
  embedded.set(key, embedding);
}

async function classify(asked) {
  const { drawings } = support, { image } = query, began = performance.now();
  const size = embedded.get(drawings[0].key).length;
  const embeddings = new Float32Array(WAYS * SHOTS * size);
  const member = new Float32Array(WAYS * SHOTS * WAYS);
  drawings.forEach(({ key, label }, i) => {
    embeddings.set(embedded.get(key), i * size);
    member[i * WAYS + label] = 1 / drawings.filter((other) => other.label === label).length;
  });
  const { scores } = await run("prototypes", "classify", { embeddings, member, image });
  compared = asked;
  answer("prototypes", asked, scores, began, null);
}

async function start() {
  const { version } = support;
  forget();
  const weights = await run("maml", "start", {}, { keep: true });
  steps = { support: version, weights: [weights], answered: [] };
  post("step", { version, step: 0, loss: null });
}

async function step() {
  const { version, drawings, present } = support, began = performance.now();
  const few = drawings.length <= WAYS, most = few ? WAYS : WAYS * SHOTS;
  const images = new Float32Array(most * PIXELS);
  const labels = new Float32Array(most * WAYS), weight = new Float32Array(most);
  drawings.forEach(({ label, image }, i) => {
    images.set(image, i * PIXELS);
    labels[i * WAYS + label] = 1;
    weight[i] = 1 / drawings.length;
  });
  const before = steps.weights.at(-1);
  const made = await run("maml", few ? "step5" : "step", {
    ...before, images, labels, weight, present: mask(present),
  }, { keep: Object.keys(before) });
  if (!made || steps.support !== version) return;
  const { loss, ...weights } = made;
  steps.weights.push(weights);
  post("step", { version, step: steps.weights.length - 1, loss: loss[0], took: performance.now() - began });
}

async function predict(k, asked) {
  const began = performance.now(), { present } = support;
  const found = await run("maml", "predict", {
    ...steps.weights[k], image: query.image, present: mask(present),
  });
  if (!found) return;
  steps.answered[k] = asked;
  answer("maml", asked, found.scores, began, k);
}

const mask = (present) => Float32Array.from({ length: WAYS }, (_, k) => +present.includes(k));

function answer(name, asked, scores, began, step) {
  const [supported, queried] = asked.split("/").map(Number);
  post("scores", {
    name, step, scores: Array.from(scores), took: performance.now() - began,
    support: supported, query: queried, ...where(name),
  });
}
