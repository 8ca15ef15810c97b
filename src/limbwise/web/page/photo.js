// A photo: read by the browser, sent to the server, drawn.

import { stem } from "./files.js";
import { words } from "./panel.js";

export class Photo {
  kind = "photo";
  #answer = null;
  #stop = new AbortController();
  #run = null; // the request of the moment

  /** `desk` is what every source works with: {api, stage, panel, settings, skeleton()}. */
  constructor(desk, file) {
    this.desk = desk;
    this.file = file;
  }

  get title() {
    return this.file.name || "Pasted picture";
  }

  /** Show the picture and look for people in it. */
  async open() {
    const picture = await createImageBitmap(this.file).catch(() => null);
    if (this.#stop.signal.aborted) return picture?.close();
    this.picture = picture;
    if (picture) this.desk.stage.show({ ...sizeOf(picture), picture, people: [], skeleton: null, asked: null, mirrored: false });
    return this.look();
  }

  /** Ask the server who is in it; again when the model or the threshold changes. */
  async look() {
    const { api, stage, panel } = this.desk;
    this.#run?.abort();
    const run = new AbortController();
    this.#run = run;
    stage.hush();
    stage.wait("Looking for people");
    panel.announce("Looking for people");
    try {
      const [query, skeleton] = [this.#query("limbwise"), this.desk.skeleton()];
      this.#answer = await (await api.people(this.file, query, run.signal)).json();
      this.#show(skeleton, query.threshold);
    } finally {
      if (this.#run === run) stage.rest();
    }
  }

  #query(format) {
    const { model, threshold } = this.desk.settings.values;
    return { format, model, threshold };
  }

  #show(skeleton, asked) {
    const { stage, panel } = this.desk;
    const { width, height, people, milliseconds } = this.#answer;
    stage.show({ width, height, picture: this.picture, people, skeleton, asked, mirrored: false });
    panel.measure({ width, height, milliseconds });
    panel.announce(words(people.length));
    if (!this.picture) stage.say("hint", "This browser cannot show the picture itself; its people are drawn on black.");
    else if (!people.length) stage.say("hint", "Nobody found in this picture.");
  }

  get ready() {
    return this.#answer !== null;
  }

  /** What was found, as a file of this format. */
  async download(format) {
    return { blob: await (await this.desk.api.people(this.file, this.#query(format))).blob(), stem: stem(this.title) };
  }

  close() {
    this.#stop.abort();
    this.#run?.abort();
    this.#run = null;
    this.picture?.close();
  }
}

function sizeOf({ width, height }) {
  return { width, height };
}
