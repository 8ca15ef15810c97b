// A reel: the frames that the server looked at, in step with the video, or with a clock where the browser cannot play the video.

const METADATA = 5000; // milliseconds after which a video that says nothing counts as one that cannot be played
const PICTURE = 1000; // milliseconds after its metadata in which its first picture, or an error, should come

/** The element with the clip in it, its first picture ready unless iOS keeps that back until it plays; null where it cannot play. */
export function openVideo(video, file) {
  return new Promise((resolve) => {
    let timer = setTimeout(() => settle(null), METADATA);
    const settle = (found) => {
      clearTimeout(timer);
      video.onloadedmetadata = video.onloadeddata = video.onerror = null;
      resolve(found);
    };
    const ready = () => settle(video.videoWidth ? video : null);
    video.onloadedmetadata = () => {
      clearTimeout(timer);
      timer = setTimeout(ready, PICTURE);
    };
    video.onloadeddata = ready;
    video.onerror = () => settle(null);
    video.preload = "auto";
    video.src = URL.createObjectURL(file);
    video.load();
  });
}

/** Call `show` when the first picture can be drawn: a video that is ready may not have been there to be seen yet. */
export function firstFrame(video, show) {
  if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(show);
  else setTimeout(show, 100);
}

/** Fires "state" when it starts or stops. `onFrame(frame, index, rate)` is called for every picture that is shown. */
export class Reel extends EventTarget {
  #closed = new AbortController();
  #shown = []; // when the last pictures were shown, in milliseconds

  constructor(video, frames, onFrame) {
    super();
    this.frames = frames.length ? frames : [{ frame: 0, time: 0, people: [] }];
    this.times = this.frames.map((frame, i) => frame.time ?? i / 25);
    this.player = video ?? new Clock(this.times.at(-1));
    this.onFrame = onFrame;
    const options = { signal: this.#closed.signal };
    for (const name of ["play", "pause", "ended"]) {
      this.player.addEventListener(name, () => this.dispatchEvent(new Event("state")), options);
    }
    this.#listen(options);
  }

  get paused() {
    return this.player.paused;
  }

  get duration() {
    return this.times.at(-1);
  }

  play() {
    this.#shown = [];
    if (this.player.ended) this.player.currentTime = 0;
    return this.player.play()?.catch(() => {}); // interrupted by a pause, or not allowed
  }

  pause() {
    this.player.pause();
  }

  set speed(speed) {
    this.player.playbackRate = speed;
  }

  /** Go to a frame by its number: a little behind its beginning, where no rounding leads to its neighbour. */
  seek(index) {
    const next = this.times[index + 1] ?? this.times[index] + 0.02;
    this.player.currentTime = this.times[index] + 0.3 * (next - this.times[index]);
  }

  close() {
    this.#closed.abort();
    this.pause();
  }

  /** Draw with every picture that the video shows; by its own time, which is exact, where the browser tells it. */
  #listen(options) {
    const { player } = this;
    if (player.requestVideoFrameCallback) {
      const step = (now, { mediaTime }) => {
        if (options.signal.aborted) return;
        this.#show(nearest(this.times, mediaTime), now);
        player.requestVideoFrameCallback(step);
      };
      player.requestVideoFrameCallback(step);
    } else {
      const step = (now) => {
        if (options.signal.aborted) return;
        if (!player.paused) this.#show(latest(this.times, player.currentTime), now);
        requestAnimationFrame(step);
      };
      requestAnimationFrame(step);
      const show = () => this.#show(latest(this.times, player.currentTime), performance.now());
      player.addEventListener("seeked", show, options);
    }
  }

  #show(index, now) {
    this.#shown = this.paused ? [] : [...this.#shown.slice(-30), now];
    const span = now - this.#shown[0];
    this.onFrame(this.frames[index], index, span > 200 ? (1000 * (this.#shown.length - 1)) / span : null);
  }
}

/** Index of the last time that is not later than `time`; 0 before all. */
export function latest(times, time) {
  let [low, high] = [0, times.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (times[middle] <= time + 1e-4) low = middle;
    else high = middle;
  }
  return low;
}

/** Index of the time next to `time`. */
export function nearest(times, time) {
  const i = latest(times, time);
  return i + 1 < times.length && times[i + 1] - time < time - times[i] ? i + 1 : i;
}

/** Plays nothing, but as a video does. */
class Clock extends EventTarget {
  paused = true;
  ended = false;
  playbackRate = 1;
  #time = 0;

  constructor(duration) {
    super();
    this.duration = duration;
  }

  get currentTime() {
    return this.#time;
  }

  set currentTime(time) {
    this.#time = Math.min(this.duration, Math.max(0, time));
    this.ended = false;
    this.dispatchEvent(new Event("seeked"));
  }

  async play() {
    this.paused = false;
    this.dispatchEvent(new Event("play"));
    let before = performance.now();
    const tick = (now) => {
      if (this.paused) return;
      this.#time += ((now - before) / 1000) * this.playbackRate;
      before = now;
      if (this.#time >= this.duration) this.#end();
      else requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  pause() {
    if (this.paused) return;
    this.paused = true;
    this.dispatchEvent(new Event("pause"));
  }

  #end() {
    this.#time = this.duration;
    this.ended = true;
    this.pause();
    this.dispatchEvent(new Event("ended"));
  }
}
