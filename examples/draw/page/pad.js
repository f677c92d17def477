// A sheet to draw on: strokes as vectors, by mouse, touch, pen or keyboard.
import { ink } from "./raster.js";

const WIDTH = 0.042; // of the ink, as a part of the sheet
const NEAR = 0.004; // points nearer than this to the last one are left out
const STEP = 0.04, FINE = 0.01; // of the keyboard's pen
const KEPT = 20; // drawings that were taken away, to be brought back
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

let drawings = 0; // of all sheets, each change a new one

export class Pad extends EventTarget {
  strokes = [];
  #ink = null;
  #before = []; // drawings that others took the place of
  #pointer = null; // the one that draws
  #pen = { x: 0.5, y: 0.5, down: false }; // the keyboard's
  #pointed = false; // a pointer drew last: the pen is not shown
  #animation = 0;

  // label() says what the sheet is for; describedBy is the id of the help on keys.
  constructor(parent, label, describedBy) {
    super();
    this.label = label;
    this.canvas = document.createElement("canvas");
    const attributes = {
      tabindex: 0, role: "application", "aria-roledescription": "drawing sheet",
      "aria-describedby": describedBy,
    };
    for (const [name, value] of Object.entries(attributes)) this.canvas.setAttribute(name, value);
    parent.append(this.canvas);
    const on = (name, f) => this.canvas.addEventListener(name, f);
    on("pointerdown", (event) => this.#begin(event));
    on("pointermove", (event) => this.#move(event));
    on("pointerup", (event) => this.#end(event));
    on("pointercancel", (event) => this.#end(event));
    on("keydown", (event) => this.#key(event));
    on("focus", () => this.draw());
    on("blur", () => { this.#pointed = this.#pen.down = false; this.draw(); });
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    this.#told();
  }

  get empty() { return !this.strokes.length; }

  get undoable() { return !this.empty || this.#before.length > 0; }

  // What the networks get of it, and a number that no other drawing has.
  get ink() {
    if (!this.#ink) this.#ink = { image: ink(this.strokes), key: (drawings += 1) };
    return this.#ink;
  }

  // Takes back a stroke; once there is none, what was cleared or drawn over is back.
  undo() {
    this.#stop();
    if (this.strokes.pop()) this.#changed("a stroke taken back");
    else if (this.#before.length) {
      this.strokes = this.#before.pop();
      this.#changed("brought back");
    }
  }

  clear() {
    this.#stop();
    if (!this.empty) {
      this.#keep();
      this.strokes = [];
      this.#changed("cleared");
    }
  }

  #keep() {
    if (!this.empty) this.#before = [...this.#before, this.strokes].slice(-KEPT);
  }

  // Empty, with nothing to bring back.
  forget() {
    this.#stop();
    this.#before = [];
    if (this.empty) return;
    this.strokes = [];
    this.#changed("");
  }

  // Puts strokes in the place of what is there; drawn one after the other if animated.
  async show(strokes, animated) {
    this.#stop();
    this.#keep();
    if (!animated) {
      this.strokes = strokes.map((stroke) => stroke.map((point) => [...point]));
      this.#changed("drawn for you");
      return;
    }
    const mine = this.#animation;
    const points = strokes.flat().length, pause = 650 / points;
    this.strokes = [];
    for (const stroke of strokes) {
      const growing = [];
      this.strokes.push(growing);
      for (const point of stroke) {
        growing.push([...point]);
        this.#changed("");
        await new Promise((resolve) => setTimeout(resolve, pause));
        if (mine !== this.#animation) return;
      }
    }
    this.#changed("drawn for you");
  }

  #stop() {
    this.#animation += 1;
    this.#pointer = null;
    this.#pen.down = false;
  }

  // ---- pointers ---------------------------------------------------------------------

  #at(event) {
    const box = this.canvas.getBoundingClientRect();
    const inside = (v) => Math.min(Math.max(v, 0), 1);
    return [inside((event.clientX - box.left) / box.width), inside((event.clientY - box.top) / box.height)];
  }

  #begin(event) {
    if (this.#pointer !== null || event.button > 0) return;
    event.preventDefault();
    this.#pointed = true;
    this.canvas.focus({ preventScroll: true });
    this.#stop();
    this.#pointer = event.pointerId;
    this.canvas.setPointerCapture(event.pointerId);
    this.strokes.push([this.#at(event)]);
    this.#changed("");
  }

  #move(event) {
    if (event.pointerId !== this.#pointer) return;
    // what came between two frames, too: curves stay round
    const all = event.getCoalescedEvents?.() ?? [];
    for (const one of all.length ? all : [event]) this.#add(this.#at(one));
    this.#changed("");
  }

  #end(event) {
    if (event.pointerId !== this.#pointer) return;
    this.#pointer = null;
    this.#say("a stroke drawn");
  }

  #add([x, y]) {
    const stroke = this.strokes.at(-1), [lastX, lastY] = stroke.at(-1);
    if (Math.hypot(x - lastX, y - lastY) >= NEAR) stroke.push([x, y]);
  }

  // ---- keys -------------------------------------------------------------------------

  #key(event) {
    const { key } = event, command = event.ctrlKey || event.metaKey;
    this.#pointed = false;
    if (command && key.toLowerCase() === "z") {
      if (this.undoable) this.undo();
      else this.dispatchEvent(new Event("nothing")); // to take back here
    }
    else if (command || event.altKey) return;
    else if (key in MOVES) this.#walk(MOVES[key], event.shiftKey ? FINE : STEP);
    else if (key === " " || key === "Enter") this.#lower(!this.#pen.down);
    else if (key === "Escape" && this.#pen.down) this.#lower(false);
    else if (key === "Delete" || key === "Backspace") this.clear();
    else return;
    event.preventDefault();
    this.draw();
  }

  #walk([dx, dy], step) {
    const pen = this.#pen;
    pen.x = Math.min(Math.max(pen.x + dx * step, 0), 1);
    pen.y = Math.min(Math.max(pen.y + dy * step, 0), 1);
    if (pen.down) {
      this.strokes.at(-1).push([pen.x, pen.y]);
      this.#changed("");
    }
  }

  #lower(down) {
    this.#animation += 1;
    this.#pen.down = down;
    if (down) {
      this.strokes.push([[this.#pen.x, this.#pen.y]]);
      this.#changed("pen down");
    } else this.#say("pen lifted");
  }

  // ---- what is seen -----------------------------------------------------------------

  #changed(what) {
    this.#ink = null;
    this.draw();
    this.#told();
    this.dispatchEvent(new Event("change"));
    if (what) this.#say(what);
  }

  // What is heard of it by who does not see it.
  #say(what) {
    const detail = `${this.canvas.getAttribute("aria-label")}: ${what}`;
    this.dispatchEvent(new CustomEvent("said", { detail }));
  }

  #told() {
    const count = this.strokes.length;
    const content = count ? `${count} ${count === 1 ? "stroke" : "strokes"}` : "empty";
    this.canvas.setAttribute("aria-label", `${this.label()}, ${content}`);
  }

  draw() {
    const { canvas } = this, { width, height } = canvas.getBoundingClientRect();
    if (!width) return;
    const scale = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const context = canvas.getContext("2d");
    context.scale(canvas.width, canvas.height);
    context.strokeStyle = context.fillStyle = getComputedStyle(canvas).color;
    context.lineWidth = WIDTH;
    context.lineCap = context.lineJoin = "round";
    for (const stroke of this.strokes) trace(context, stroke);
    if (!this.#pointed && document.activeElement === canvas && canvas.matches(":focus-visible")) {
      this.#cross(context, getComputedStyle(canvas).getPropertyValue("--pen"));
    }
  }

  #cross(context, colour) {
    const { x, y, down } = this.#pen, arm = 0.05;
    context.strokeStyle = context.fillStyle = colour;
    context.lineWidth = 0.012;
    context.beginPath();
    context.moveTo(x - arm, y);
    context.lineTo(x + arm, y);
    context.moveTo(x, y - arm);
    context.lineTo(x, y + arm);
    context.stroke();
    if (down) {
      context.beginPath();
      context.arc(x, y, 0.03, 0, 7);
      context.fill();
    }
  }
}

// Through the middles between points, so that a polygon looks like what the hand did.
function trace(context, stroke) {
  const [[x, y]] = stroke;
  context.beginPath();
  if (stroke.length === 1) {
    context.arc(x, y, WIDTH / 2, 0, 7);
    context.fill();
    return;
  }
  context.moveTo(x, y);
  for (let i = 1; i < stroke.length - 1; i++) {
    const [[ax, ay], [bx, by]] = [stroke[i], stroke[i + 1]];
    context.quadraticCurveTo(ax, ay, (ax + bx) / 2, (ay + by) / 2);
  }
  context.lineTo(...stroke.at(-1));
  context.stroke();
}
