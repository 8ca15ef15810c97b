// The camera: live pictures, of which as many go to the server as it can follow, and the people of its newest answer over them.

const SIDE = 480; // shorter side of what is sent, in pixels
const QUALITY = 0.85; // of JPEG
const AHEAD = 2; // frames that are on their way at most
const EARLY = 0.8; // share of the server's work on a frame after which the next one may set out: it comes when the server is free
const LOST = 10_000; // milliseconds of silence after which answers are no longer waited for
const RECONNECT = 1000;

export class Camera {
  kind = "camera";
  title = "Camera";
  #stream = null;
  #socket = null;
  #closed = false;
  #sent = new Map(); // number of a frame -> {when, picture}: when it was sent, and what it shows where that is wanted
  #held = null; // the picture of the newest answer, where that is wanted
  #past = []; // pictures that are shown until the next one is
  #count = 0;
  #heard = 0; // when the server last said something, or had nothing to answer yet
  #arrived = []; // when the last answers came
  #encoding = false;
  #work = 0; // milliseconds of the last frame on the server
  #trouble = null; // what was said of the stream, as long as it holds

  constructor(desk) {
    this.desk = desk;
    this.small = document.createElement("canvas");
  }

  get ready() {
    return !!this.#stream?.active && this.desk.video.videoWidth > 0;
  }

  /** Ask for the camera and begin. `device` is one of `cameras()`, or "" for the browser's choice. */
  async open(device = "") {
    const { stage, panel, video, settings } = this.desk;
    stage.wait("Asking for the camera");
    try {
      const stream = await askCamera(device);
      if (this.#closed) return stop(stream); // allowed too late: another source may be open by now
      this.#stream = video.srcObject = stream;
      await video.play();
    } finally {
      if (!this.#closed) stage.rest();
    }
    const [track] = this.#stream.getVideoTracks();
    track.addEventListener("ended", () => this.#closed || this.desk.fail(new Error("The camera was unplugged or taken away.")));
    this.#face(track.getSettings().facingMode);
    panel.announce("The camera is on");
    this.look();
    this.#paint();
  }

  /** Mirror a camera that looks at its user and no other; a person's own choice holds until a camera looks another way. */
  #face(facing) {
    const { settings } = this.desk;
    if (!facing || facing === settings.values.facing) return; // cameras of desks do not say
    settings.set("facing", facing);
    settings.set("mirror", facing === "user");
  }

  /** Open a connection for the model and threshold of the moment; again when one of them changes. */
  async look() {
    const { api, settings } = this.desk;
    this.#socket?.close();
    this.skeleton = this.desk.skeleton();
    this.people = [];
    this.frame = null; // number of the frame whose people are drawn
    this.#forget();
    this.#hold(null);
    this.#count = 0;
    const { model, threshold } = settings.values;
    this.asked = threshold;
    const socket = api.stream({ model, threshold, track: true });
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
    socket.onclose = ({ reason }) => this.#socket === socket && this.#lost(reason);
  }

  /** The server is gone: say so, and try again until it is back or the camera is off. */
  #lost(reason) {
    if (this.#closed) return;
    this.people = [];
    this.#say(reason || "The connection to the server is lost. Trying again…");
    setTimeout(() => this.#closed || this.look(), RECONNECT);
  }

  /** Trouble with the stream, or null when it is over; what others said stays. */
  #say(trouble) {
    if (trouble) this.desk.stage.say("error", trouble);
    else if (this.#trouble) this.desk.stage.hush();
    this.#trouble = trouble;
  }

  #take(answer) {
    this.#heard = performance.now();
    let asked = null; // what this answer is about
    for (const [number, sent] of this.#sent) {
      if (number > answer.frame) break;
      asked?.picture?.close();
      asked = sent;
      this.#sent.delete(number);
    }
    this.latency = asked && performance.now() - asked.when;
    if (answer.error) return this.#say(answer.error);
    this.#say(null);
    this.#arrived = [...this.#arrived.slice(-40), performance.now()];
    if (asked?.picture || !this.desk.settings.values.step) {
      this.#hold(asked?.picture ?? null);
      this.people = scaled(answer, this.desk.video);
      this.frame = answer.frame;
    } // else: in step, people are shown with the picture that they were found in or not at all
    this.#tell(answer);
  }

  #hold(picture) {
    if (this.#held) this.#past.push(this.#held);
    this.#held = picture;
  }

  #tell({ milliseconds }) {
    const { panel, video } = this.desk;
    this.#work = Object.values(milliseconds).reduce((sum, time) => sum + time, 0);
    const span = this.#arrived.at(-1) - this.#arrived[0];
    const rate = span > 300 ? (1000 * (this.#arrived.length - 1)) / span : null;
    panel.measure({ width: video.videoWidth, height: video.videoHeight, milliseconds, rate, latency: this.latency });
  }

  /** Every picture of the camera is drawn; some of them are sent. */
  #paint = () => {
    const { stage, video, settings } = this.desk;
    if (this.#closed) return;
    if (video.videoWidth) {
      const { videoWidth: width, videoHeight: height } = video;
      const { mirror: mirrored, step } = settings.values;
      const picture = step ? this.#held : video;
      if (picture || !stage.scene) {
        stage.show({ width, height, picture: picture ?? video, people: this.people ?? [], skeleton: this.skeleton, asked: this.asked, mirrored });
        if (this.frame !== null) stage.canvas.dataset.frame = this.frame;
        for (const past of this.#past.splice(0)) past.close();
      } // else: what is shown stays until a picture and its people are there
      this.#send();
    }
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(this.#paint);
    else requestAnimationFrame(this.#paint);
  };

  /** Send the picture of now, unless the server or the way to it has enough to do. */
  async #send() {
    const now = performance.now();
    const socket = this.#socket;
    const waiting = socket?.bufferedAmount > 0;
    if (waiting || !this.#sent.size) this.#heard = now;
    if (now - this.#heard > LOST) this.#forget();
    if (this.#encoding || waiting || socket?.readyState !== WebSocket.OPEN || !this.#mayFollow(now)) return;
    this.#encoding = true;
    const blob = await this.#jpeg();
    const picture = this.desk.settings.values.step ? await createImageBitmap(this.small) : null;
    this.#encoding = false;
    if (!blob || socket !== this.#socket || socket.readyState !== WebSocket.OPEN) return;
    this.#sent.set(this.#count++, { when: performance.now(), picture });
    socket.send(blob);
  }

  #mayFollow(now) {
    const last = Math.max(...[...this.#sent.values()].map(({ when }) => when));
    return this.#sent.size === 0 || (this.#sent.size < AHEAD && now - last > EARLY * this.#work);
  }

  /** Wait for no answer any more. */
  #forget() {
    for (const { picture } of this.#sent.values()) picture?.close();
    this.#sent.clear();
  }

  #jpeg() {
    const { video } = this.desk;
    const scale = Math.min(1, SIDE / Math.min(video.videoWidth, video.videoHeight));
    this.small.width = Math.round(video.videoWidth * scale);
    this.small.height = Math.round(video.videoHeight * scale);
    this.small.getContext("2d").drawImage(video, 0, 0, this.small.width, this.small.height);
    return new Promise((resolve) => this.small.toBlob(resolve, "image/jpeg", QUALITY));
  }

  /** The picture of now, as a file: what is sent when people are to be saved. */
  async snapshot() {
    const { video } = this.desk;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    canvas.getContext("2d").drawImage(video, 0, 0);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    return new File([blob], "camera.png", { type: "image/png" });
  }

  /** What is found in the picture of now. */
  async download(format) {
    const { model, threshold } = this.desk.settings.values;
    const query = { format, model, threshold };
    const answer = await this.desk.api.people(await this.snapshot(), query);
    return { blob: await answer.blob(), stem: "camera" };
  }

  close() {
    const { video } = this.desk;
    this.#closed = true;
    this.#hold(null);
    this.#forget();
    this.#socket?.close();
    stop(this.#stream);
    if (video.srcObject === this.#stream) video.srcObject = null;
  }
}

function stop(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

/** Cameras that may be chosen from, once one was allowed: [{deviceId, label}]. */
export async function cameras() {
  const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return devices.filter((device) => device.kind === "videoinput");
}

async function askCamera(device) {
  if (!navigator.mediaDevices) throw new Error("Browsers give the camera only to pages from this machine or over https.");
  const wanted = device ? { deviceId: device } : { facingMode: "user" }; // one that is gone is no reason to fail
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { ...wanted, width: { ideal: 1280 }, height: { ideal: 720 } } });
  } catch (error) {
    const reasons = {
      NotAllowedError: "The camera is not allowed for this page. The browser's address bar can change that.",
      NotFoundError: "There is no camera.",
      NotReadableError: "The camera is in use by another program.",
    };
    throw new Error(reasons[error.name] ?? `The camera cannot be used (${error.message}).`);
  }
}

/** People in pixels of the camera's own picture; they were found in a smaller one. */
function scaled({ width, people }, { videoWidth }) {
  const s = videoWidth / width;
  const move = (v) => (v + 0.5) * s - 0.5;
  return people.map((person) => ({
    ...person,
    keypoints: person.keypoints.map((point) => point && [move(point[0]), move(point[1]), point[2]]),
  }));
}
