// The bar of a clip: play and pause, a scrubber whose steps are frames, a strip of who is there when, speed.

import { css, idColour } from "./palette.js";

export class Transport {
  #reel = null;

  constructor(root) {
    this.root = root;
    this.button = root.querySelector("#play");
    this.range = root.querySelector("#scrub");
    this.clock = root.querySelector("#clock");
    this.strip = root.querySelector("#strip");
    this.speed = root.querySelector("#speed");
    this.button.addEventListener("click", () => this.toggle());
    this.range.addEventListener("input", () => this.#scrub());
    this.speed.addEventListener("change", () => this.#reel && (this.#reel.speed = Number(this.speed.value)));
    new ResizeObserver(() => this.#reel && this.#drawStrip()).observe(this.strip);
  }

  open(reel) {
    this.#reel = reel;
    this.range.max = reel.frames.length - 1;
    this.root.inert = false;
    reel.speed = Number(this.speed.value);
    reel.addEventListener("state", () => this.#label());
    this.#label();
    this.moved(0);
    this.#drawStrip();
  }

  close() {
    this.#reel = null;
    this.root.inert = true;
  }

  /** Play or pause; false where there is nothing to play. */
  toggle() {
    if (!this.#reel) return false;
    if (this.#reel.paused) this.#reel.play();
    else this.#reel.pause();
    return true;
  }

  /** Some frames on or back. */
  step(by) {
    if (!this.#reel) return false;
    this.range.value = this.range.valueAsNumber + by;
    this.#scrub();
    return true;
  }

  /** The reel shows this frame now. */
  moved(index) {
    const { frames, times, duration } = this.#reel;
    this.range.value = index;
    this.range.setAttribute("aria-valuetext", `frame ${index + 1} of ${frames.length}`);
    this.range.style.setProperty("--done", `${(100 * index) / Math.max(1, frames.length - 1)}%`);
    this.clock.textContent = `${minutes(times[index])} / ${minutes(duration)}`;
  }

  #scrub() {
    if (!this.#reel) return;
    this.#reel.pause();
    this.#reel.seek(this.range.valueAsNumber);
  }

  #label() {
    const { paused } = this.#reel ?? { paused: true };
    this.button.setAttribute("aria-label", paused ? "Play" : "Pause");
    this.button.dataset.playing = !paused;
  }

  /** A bar for each person over the frames in which it is seen. */
  #drawStrip() {
    const ctx = this.strip.getContext("2d");
    const [wide, high] = [this.strip.clientWidth, this.strip.clientHeight].map((v) => Math.round(v * window.devicePixelRatio));
    [this.strip.width, this.strip.height] = [wide, high];
    const runs = presence(this.#reel.frames);
    const row = Math.min(high / Math.max(1, runs.size), high / 3);
    const step = wide / this.#reel.frames.length;
    [...runs].forEach(([id, spans], n) => {
      ctx.fillStyle = css(idColour(id));
      for (const [from, to] of spans) ctx.fillRect(from * step, n * row, Math.max(1, (to - from + 1) * step), Math.max(1, row * 0.7));
    });
  }
}

/** For each id the first and last frames of the runs in which it is there. */
export function presence(frames) {
  const runs = new Map();
  frames.forEach(({ people }, index) => {
    for (const { id } of people) {
      if (id === null || id < 0) continue;
      if (!runs.has(id)) runs.set(id, []);
      const spans = runs.get(id);
      const last = spans.at(-1);
      if (last && last[1] === index - 1) last[1] = index;
      else spans.push([index, index]);
    }
  });
  return runs;
}

function minutes(seconds) {
  const tenths = Math.round(seconds * 10);
  const [m, s] = [Math.floor(tenths / 600), (tenths % 600) / 10];
  return `${m}:${s.toFixed(1).padStart(4, "0")}`;
}
