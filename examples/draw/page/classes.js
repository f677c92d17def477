// The cards of the classes: a name, and one to five sheets each.
import { Pad } from "./pad.js";

export const WAYS = 5, SHOTS = 5;

export class Card extends EventTarget {
  pads = [];
  #last = null; // the sheet that was drawn on last

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
    this.input.addEventListener("input", () => this.#told(""));
    this.sheets = find(".sheets");
    this.more = document.createElement("button");
    Object.assign(this.more, { type: "button", className: "more", textContent: "+" });
    this.more.addEventListener("click", () => this.add().canvas.focus());
    this.sheets.append(this.more);
    find(".undo").addEventListener("click", () => this.#last?.undo());
    find(".clear").addEventListener("click", () => this.clear());
    this.buttons = [find(".undo"), find(".clear")];
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
    pad.addEventListener("change", ({ detail }) => {
      this.#last = pad;
      this.#told(detail);
    });
    this.pads.push(pad);
    this.#told("");
    return pad;
  }

  // The sheets that there are, all empty, and one of them.
  clear() {
    for (const pad of this.pads) pad.clear();
    for (const pad of this.pads.splice(1)) pad.canvas.parentElement.remove();
    this.#told("");
  }

  // Shows these drawings, a sheet each.
  async show(drawings, animated) {
    this.clear();
    while (this.pads.length < drawings.length) this.add();
    for (const [k, drawing] of drawings.entries()) await this.pads[k].show(drawing, animated);
  }

  #told(what) {
    const full = this.pads.length >= SHOTS;
    this.more.hidden = full || this.drawn.length < this.pads.length;
    this.more.setAttribute("aria-label", `Another example of ${this.name}`);
    this.more.title = "Another example";
    this.element.classList.toggle("empty", !this.drawn.length);
    for (const button of this.buttons) {
      button.disabled = !this.drawn.length;
      button.setAttribute("aria-label", `${button.textContent} in ${this.name}`);
    }
    this.dispatchEvent(new CustomEvent("change", { detail: what }));
  }
}
