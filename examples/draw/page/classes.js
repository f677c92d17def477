// The cards of the classes: a name, and one to five sheets each.
import { Pad } from "./pad.js";

export const WAYS = 5, SHOTS = 5;
const KEPT = 20; // times that a card was cleared, to be brought back

export class Card extends EventTarget {
  pads = [];
  #last = null; // the sheet that was drawn on last
  #before = []; // the drawings of each time that the card was cleared

  constructor(number) {
    super();
    this.number = number;
    const template = document.createElement("template");
    template.innerHTML = `
      <li class="card" data-class="${number}">
        <div class="title">
          <span class="mark" aria-hidden="true"></span>
          <input type="text" maxlength="24" spellcheck="false" autocomplete="off">
          <span class="tools">
            <button type="button" class="undo">Undo</button>
            <button type="button" class="clear">Clear</button>
          </span>
        </div>
        <div class="sheets"></div>
      </li>`;
    this.element = template.content.querySelector("li");
    const find = (selector) => this.element.querySelector(selector);
    this.input = find("input");
    this.input.setAttribute("aria-label", `Name of class ${number + 1}`);
    this.input.placeholder = `Symbol ${number + 1}`;
    this.input.addEventListener("input", () => this.#told());
    this.sheets = find(".sheets");
    this.more = document.createElement("button");
    Object.assign(this.more, { type: "button", className: "more", textContent: "+" });
    this.more.addEventListener("click", () => this.add().canvas.focus());
    this.sheets.append(this.more);
    this.buttons = { undo: find(".undo"), clear: find(".clear") };
    this.buttons.undo.addEventListener("click", () => this.undo());
    this.buttons.clear.addEventListener("click", () => this.clear());
    this.add();
  }

  get name() { return this.input.value.trim() || `Symbol ${this.number + 1}`; }
  get drawn() { return this.pads.filter((pad) => !pad.empty); }

  add() {
    const place = document.createElement("div");
    place.className = "small";
    this.more.before(place);
    const number = this.pads.length + 1;
    const pad = new Pad(place, () => `${this.name}, example ${number}`, "keys");
    pad.addEventListener("change", () => {
      this.#last = pad;
      this.#told();
    });
    pad.addEventListener("said", ({ detail }) => this.dispatchEvent(new CustomEvent("said", { detail })));
    pad.addEventListener("nothing", () => this.#bringBack());
    this.pads.push(pad);
    this.#told();
    return pad;
  }

  // The name that was given, and the strokes of each drawing.
  get state() {
    return { name: this.input.value, drawings: this.drawn.map((pad) => pad.strokes) };
  }

  set name(name) {
    this.input.value = name;
    this.#told();
  }

  undo() {
    if (this.drawn.length || this.#last?.undoable) this.#last.undo();
    else this.#bringBack();
  }

  clear() {
    if (this.drawn.length) this.#before = [...this.#before, this.state.drawings].slice(-KEPT);
    this.#empty();
    this.dispatchEvent(new CustomEvent("said", { detail: `${this.name}: cleared` }));
  }

  #bringBack() {
    if (!this.drawn.length && this.#before.length) this.show(this.#before.pop(), false);
  }

  // One sheet, without a drawing.
  #empty() {
    for (const pad of this.pads.splice(1)) pad.canvas.parentElement.remove();
    [this.#last] = this.pads;
    this.#last.forget();
    this.#told();
  }

  // Shows these drawings, a sheet each.
  async show(drawings, animated) {
    this.#empty();
    while (this.pads.length < drawings.length) this.add();
    for (const [k, drawing] of drawings.entries()) await this.pads[k].show(drawing, animated);
  }

  #told() {
    const full = this.pads.length >= SHOTS;
    this.more.hidden = full || this.drawn.length < this.pads.length;
    this.more.setAttribute("aria-label", `Another example of ${this.name}`);
    this.more.title = "Another example";
    this.element.classList.toggle("empty", !this.drawn.length);
    this.buttons.clear.disabled = !this.drawn.length;
    this.buttons.undo.disabled = !(this.drawn.length || this.#last?.undoable || this.#before.length);
    for (const button of Object.values(this.buttons)) {
      button.setAttribute("aria-label", `${button.textContent} in ${this.name}`);
    }
    this.dispatchEvent(new Event("change"));
  }
}
