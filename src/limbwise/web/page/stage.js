// The stage: the canvas that shows a scene as large as its place allows, and what is said over it (waiting, progress, notes).

import { drawScene } from "./draw.js";

const LARGEST = 6; // times that a small picture is enlarged at most

export class Stage {
  #scene = null;
  #asked = false;

  constructor(root, settings) {
    this.settings = settings;
    this.root = root;
    this.place = root.querySelector("#place");
    this.canvas = root.querySelector("#view");
    this.video = root.querySelector("#video");
    this.busy = root.querySelector("#busy");
    this.note = root.querySelector("#note");
    this.progress = root.querySelector("#progress");
    new ResizeObserver(() => this.#fit()).observe(this.place);
  }

  get scene() {
    return this.#scene;
  }

  /** Show a scene (see draw.js), or nothing for null. */
  show(scene) {
    const same = scene && this.#scene && scene.width === this.#scene.width && scene.height === this.#scene.height;
    this.#scene = scene;
    this.canvas.hidden = this.video.hidden = scene === null;
    if (scene && same) this.paint();
    else if (scene) this.#fit();
    else delete this.canvas.dataset.people;
  }

  /** Draw again with the next picture of the screen, however often that is asked. */
  repaint() {
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(() => {
      this.#asked = false;
      this.paint();
    });
  }

  /** Draw at once. */
  paint() {
    if (!this.#scene) return;
    const drawn = drawScene(this.canvas.getContext("2d"), this.#scene, this.settings.values, this.canvas.width / this.#scene.width);
    this.canvas.dataset.people = drawn;
    this.onPaint?.(drawn);
  }

  /** What is shown as a canvas of the picture's own size. */
  still() {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [this.#scene.width, this.#scene.height];
    drawScene(canvas.getContext("2d"), this.#scene, this.settings.values);
    return canvas;
  }

  /** The canvas as large as its place allows, in pixels of the screen. */
  #fit() {
    if (!this.#scene) return;
    const { width, height } = this.#scene;
    const scale = Math.min(this.place.clientWidth / width, this.place.clientHeight / height, LARGEST);
    for (const { style } of [this.canvas, this.video]) {
      style.width = `${Math.max(1, Math.floor(width * scale))}px`;
      style.height = `${Math.max(1, Math.floor(height * scale))}px`;
    }
    this.canvas.width = Math.max(1, Math.round(width * scale * window.devicePixelRatio));
    this.canvas.height = Math.max(1, Math.round(height * scale * window.devicePixelRatio));
    this.paint();
  }

  /** Say that something is going on; `share` 0 to 1 where it is known. */
  wait(text, share = null, onCancel = null) {
    this.busy.hidden = false;
    this.root.setAttribute("aria-busy", "true");
    this.busy.querySelector("#busy-text").textContent = text;
    if (share === null) this.progress.removeAttribute("value");
    else this.progress.value = share;
    const cancel = this.busy.querySelector("#cancel");
    cancel.hidden = onCancel === null;
    cancel.onclick = onCancel;
  }

  rest() {
    const held = this.busy.contains(document.activeElement);
    this.busy.hidden = true;
    this.root.removeAttribute("aria-busy");
    if (held) this.canvas.focus(); // whoever pressed Cancel goes on from here
  }

  /** A sentence over the picture: kind "error" or "hint"; `action` {label, run} adds a button. */
  say(kind, text, action = null) {
    this.note.dataset.kind = kind;
    this.note.querySelector("#note-text").textContent = text;
    const button = this.note.querySelector("#note-action");
    button.hidden = action === null;
    button.textContent = action?.label ?? "";
    button.onclick = () => {
      this.hush();
      action.run();
    };
    this.note.hidden = false;
  }

  hush() {
    this.note.hidden = true;
  }
}
