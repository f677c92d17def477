// What the networks say: a row a class with a bar of each method, and MAML's way there.

const NAMES = { prototypes: "Prototypical Networks", maml: "MAML" };
const SVG = "http://www.w3.org/2000/svg";

export function softmax(scores) {
  const top = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - top));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

const percent = (p) => `${p > 0.995 && p < 1 ? "> 99" : Math.round(100 * p)} %`;

function made(kind, className, parent, text = "") {
  const element = document.createElement(kind);
  element.className = className;
  element.textContent = text;
  parent.append(element);
  return element;
}

export class Results {
  constructor(parent, count) {
    const head = made("div", "legend", parent);
    for (const [method, name] of Object.entries(NAMES)) made("span", method, head, name);
    this.rows = Array.from({ length: count }, (_, k) => {
      const row = made("div", "row", parent);
      row.dataset.class = k;
      const name = made("span", "name", row);
      const bars = Object.fromEntries(Object.keys(NAMES).map((method) => {
        const line = made("div", `line ${method}`, row);
        const bar = made("div", "bar", made("div", "track", line));
        line.setAttribute("role", "meter");
        line.setAttribute("aria-valuemin", 0);
        line.setAttribute("aria-valuemax", 100);
        return [method, { line, bar, value: made("span", "value", line) }];
      }));
      return { row, name, bars };
    });
  }

  // names of the classes, or null for one that is not there.
  classes(names) {
    this.rows.forEach(({ row, name, bars }, k) => {
      row.hidden = names[k] === null;
      name.textContent = names[k] ?? "";
      for (const [method, { line }] of Object.entries(bars)) {
        line.setAttribute("aria-label", `${names[k]}, ${NAMES[method]}`);
      }
    });
  }

  // scores of the classes that are present; null takes the bars away.
  show(method, scores, present) {
    const likely = scores && softmax(present.map((k) => scores[k]));
    const best = likely && present[likely.indexOf(Math.max(...likely))];
    this.rows.forEach(({ row, bars }, k) => {
      const { line, bar, value } = bars[method], at = present.indexOf(k);
      const p = likely && at >= 0 ? likely[at] : 0;
      bar.style.setProperty("--part", p);
      value.textContent = likely ? percent(p) : "";
      line.setAttribute("aria-valuenow", Math.round(100 * p));
      line.setAttribute("aria-valuetext", likely ? percent(p) : "no answer");
      line.dataset.score = likely ? scores[k] : "";
      if (method === "prototypes") row.classList.toggle("best", best === k);
    });
    return likely && { best, likely: Math.max(...likely) };
  }
}

// MAML after each step: lines of the classes' probabilities over the steps.
export class Paths {
  #chosen = null; // a step that a person chose; null: the last one there is

  constructor(group, parent, steps, choose) {
    this.buttons = Array.from({ length: steps + 1 }, (_, k) => {
      const button = made("button", "", group, String(k));
      button.type = "button";
      button.setAttribute("role", "radio");
      button.setAttribute("aria-label", k ? `after step ${k}` : "before any step");
      button.addEventListener("click", () => { this.#chosen = k; this.#mark(); choose(); });
      button.addEventListener("keydown", (event) => this.#key(event, k));
      return button;
    });
    this.steps = steps;
    this.svg = document.createElementNS(SVG, "svg");
    this.svg.setAttribute("role", "img");
    parent.append(this.svg);
    this.restart();
  }

  get step() { return this.#chosen !== null && this.#chosen <= this.reached ? this.#chosen : this.reached; }

  restart() {
    this.reached = -1;
    this.losses = [];
    this.#mark();
    this.draw([], [], []);
  }

  reach(step, loss) {
    this.reached = step;
    if (loss !== null) this.losses.push(loss);
    this.#mark();
  }

  #key(event, k) {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const next = this.buttons[(k + by + this.buttons.length) % this.buttons.length];
    if (!next.disabled) {
      next.focus();
      next.click();
    }
  }

  #mark() {
    this.buttons.forEach((button, k) => {
      const on = k === this.step;
      button.disabled = k > this.reached;
      button.setAttribute("aria-checked", on);
      button.tabIndex = on || (this.step < 0 && !k) ? 0 : -1;
    });
  }

  // answers[k]: scores after step k, or nothing yet.
  draw(answers, present, names) {
    const width = this.svg.clientWidth || 300;
    const x = (k) => 12 + ((width - 24) * k) / this.steps, y = (p) => 98 - 86 * p;
    this.svg.setAttribute("viewBox", `0 0 ${width} 110`);
    this.svg.replaceChildren();
    const add = (kind, attributes) => {
      const element = document.createElementNS(SVG, kind);
      for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
      this.svg.append(element);
    };
    for (const p of [0, 0.5, 1]) add("line", { class: "grid", x1: 4, x2: width - 4, y1: y(p), y2: y(p) });
    if (this.step >= 0) add("line", { class: "now", x1: x(this.step), x2: x(this.step), y1: y(1), y2: y(0) });
    const likely = Array.from({ length: this.steps + 1 }, (_, k) => answers[k] && softmax(present.map((c) => answers[k][c])));
    present.forEach((c, i) => {
      const points = likely.flatMap((p, k) => (p ? [[x(k), y(p[i])]] : []));
      if (!points.length) return;
      add("polyline", { class: `path c${c}`, points: points.map((p) => p.join(",")).join(" ") });
      for (const [cx, cy] of points) add("circle", { class: `dot c${c}`, cx, cy, r: 3 });
    });
    const said = likely.flatMap((p, k) => (p ? [`after step ${k} ${names[present[p.indexOf(Math.max(...p))]]} ${percent(Math.max(...p))}`] : []));
    this.svg.setAttribute("aria-label", said.length ? `MAML: ${said.join(", ")}` : "MAML's answers after each step: none yet");
  }
}
