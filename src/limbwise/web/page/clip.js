// A clip: sent to the server as a job, then played with its people in step with the time of the video.

import { stem } from "./files.js";
import { words } from "./panel.js";
import { firstFrame, openVideo, Reel } from "./reel.js";

const POLL = 250; // milliseconds between two looks at a job
const PATIENCE = 8000; // milliseconds without an answer after which the server counts as gone

export class Clip {
  kind = "clip";
  #stop = new AbortController(); // of all that goes on for this clip
  #job = null; // the last one, which holds the files to save
  #reel = null;

  /** `desk` is what every source works with (see app.js); `transport` the bar to play and scrub with. */
  constructor(desk, file, transport) {
    this.desk = desk;
    this.file = file;
    this.transport = transport;
  }

  get title() {
    return this.file.name;
  }

  get ready() {
    return this.#reel !== null;
  }

  /** Show the first picture and look for people in all of them. */
  async open() {
    const { stage } = this.desk;
    this.video = await openVideo(this.desk.video, this.file);
    if (this.#stop.signal.aborted) return;
    if (this.video) {
      const { videoWidth: width, videoHeight: height } = this.video;
      stage.show({ width, height, picture: this.video, people: [], skeleton: null, asked: null, mirrored: false });
      firstFrame(this.video, () => this.#reel || stage.repaint());
    }
    await this.look();
  }

  /** Run a job over the clip; again when the model changes. */
  async look() {
    const { stage, panel, settings } = this.desk;
    this.run?.abort();
    this.#drop();
    const run = new AbortController();
    this.run = run;
    this.#stop.signal.addEventListener("abort", () => run.abort(), { once: true });
    const skeleton = this.desk.skeleton();
    stage.hush();
    panel.announce("Sending the clip");
    try {
      const { model, threshold } = settings.values;
      const result = await this.#work({ model, threshold, track: true }, run);
      if (!run.signal.aborted) this.#play(result, skeleton, threshold);
    } finally {
      if (this.run === run) stage.rest();
    }
  }

  /** Send, wait, fetch. */
  async #work(query, run) {
    const { api, stage, panel } = this.desk;
    const cancel = () => this.cancel();
    stage.wait("Sending the clip", 0, cancel);
    const sent = await api.video(this.file, query, (share) => stage.wait("Sending the clip", share, cancel), run.signal);
    this.#job = sent.job;
    panel.announce("Looking for people in the clip");
    await this.#finished(sent.job, run.signal, cancel);
    return (await patiently(() => api.result(sent.job, "limbwise", run.signal), run.signal)).json();
  }

  /** Wait until a job is done, and show how far it is. */
  async #finished(id, signal, cancel) {
    const { api, stage, panel } = this.desk;
    let first = null; // when frames began to come, and how many there were
    for (;;) {
      const { state, frames, total, error } = await patiently(() => api.job(id, signal), signal);
      if (state === "done") return;
      if (state === "failed") throw new Error(error || "The server could not go through the clip.");
      if (state === "cancelled") throw new Error("The server stopped this clip.");
      if (frames > 0) first ??= { now: performance.now(), frames };
      const rate = first && frames > first.frames ? (1000 * (frames - first.frames)) / (performance.now() - first.now) : null;
      panel.measure({ pace: rate });
      stage.wait(progressText(state, frames, total), total && frames ? Math.min(1, frames / total) : null, cancel);
      await pause(POLL, signal);
    }
  }

  /** What a person's Cancel or Esc does: the job ends on the server, too. */
  cancel() {
    if (!this.run || this.#reel) return false;
    this.run.abort();
    this.#drop();
    this.desk.stage.rest();
    this.desk.panel.announce("Cancelled");
    this.desk.stage.say("hint", "Cancelled.", { label: "Look again", run: () => this.desk.attempt(() => this.look()) });
    return true;
  }

  /** What can be done at once is; files and weaker people need another job, which is only offered. */
  threshold() {
    if (!this.#reel) return;
    const run = () => this.desk.attempt(() => this.look());
    this.desk.stage.say("hint", "Only what is drawn has changed, not what is saved.", { label: "Look again", run });
  }

  #play(result, skeleton, asked) {
    const { stage, panel } = this.desk;
    const size = { width: result.width, height: result.height }; // in pixels as stored, which need not be square in the video
    const scene = { ...size, picture: this.video, people: [], skeleton, asked, mirrored: false };
    this.#reel = new Reel(this.video, result.frames, (frame, index, rate) => {
      scene.people = frame.people;
      stage.canvas.dataset.frame = index;
      stage.paint();
      this.transport.moved(index);
      panel.measure({ ...size, rate });
    });
    stage.show(scene);
    this.transport.open(this.#reel);
    const ids = new Set(result.frames.flatMap((frame) => frame.people.map((person) => person.id)));
    panel.announce(`${words(ids.size)} in ${result.frames.length} frames`);
    if (!this.video) stage.say("hint", "This browser cannot play the clip itself; its people are shown on black.");
    else if (!ids.size) stage.say("hint", "Nobody found in this clip.");
    this.#reel.seek(0);
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) this.#reel.play();
  }

  async download(format) {
    return { blob: await (await this.desk.api.result(this.#job, format)).blob(), stem: stem(this.title), frames: true };
  }

  /** Forget the last job and what came of it. */
  #drop() {
    if (this.#job !== null) this.desk.api.forget(this.#job);
    this.#job = null;
    this.#reel?.close();
    this.#reel = null;
    this.transport.close();
  }

  close() {
    this.#stop.abort();
    this.#drop();
    URL.revokeObjectURL(this.desk.video.src);
    this.desk.video.removeAttribute("src");
    this.desk.video.load();
  }
}

function progressText(state, frames, total) {
  if (state === "waiting") return "Waiting for its turn";
  return total ? `Looking for people: ${frames} of ${total} frames` : `Looking for people: ${frames} frames`;
}

/** Ask, and for a while again where nobody answers: a network may come back. */
async function patiently(ask, signal) {
  let end = null;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      end ??= performance.now() + PATIENCE;
      if (error.status !== 0 || performance.now() > end) throw error;
      await pause(POLL, signal);
    }
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("cancelled", "AbortError"));
    });
  });
}
