// The page: one source at a time (photo, clip or camera), and the controls that all of them share.

import { Api } from "./api.js";
import { Camera, cameras } from "./camera.js";
import { Clip } from "./clip.js";
import { kindOf, save, watchFiles } from "./files.js";
import { askKey } from "./key.js";
import { watchKeys } from "./keyboard.js";
import { Panel } from "./panel.js";
import { Photo } from "./photo.js";
import { Settings } from "./settings.js";
import { Stage } from "./stage.js";
import { Transport } from "./transport.js";

const REST = 300; // milliseconds after which a slider that is not moved has come to rest
const USUAL = 0.12; // where the slider stands for a model's own threshold, which the server does not tell

const $ = (id) => document.getElementById(id);

const settings = new Settings();
const stage = new Stage($("stage"), settings);
const panel = new Panel($("panel"), $("live"));
const transport = new Transport($("transport"));
const api = new Api((again) => askKey($("key"), again));
const desk = { api, stage, panel, settings, video: $("video"), skeleton, attempt, fail };

let source = null;
let models = new Map();

/** The skeleton of the model that is chosen. */
function skeleton() {
  return models.get(settings.values.model)?.skeleton ?? null;
}

/** Do something that may fail, and say so if it does. */
async function attempt(work) {
  const own = source;
  try {
    await work();
  } catch (error) {
    if (error.name !== "AbortError" && own === source) fail(error);
  }
  offer();
}

function fail(error) {
  stage.rest();
  if (!source?.ready) panel.clear(source ? "No result" : undefined);
  panel.announce("");
  const run = source?.kind === "camera" ? () => openCamera($("device").value) : again;
  stage.say("error", error.message, source && !(source.kind === "camera" && source.ready) ? { label: "Try again", run } : null);
  offer();
}

/** Look once more at what is open, or fetch what the page needs to begin. */
function again() {
  return attempt(async () => {
    if (!models.size) await loadModels();
    await source?.look();
  });
}

/** Make this the source, instead of what was open. */
function begin(next) {
  source?.close();
  source = next;
  document.body.dataset.source = next.kind;
  $("ids").disabled = next.kind === "photo"; // nobody is followed there
  delete stage.canvas.dataset.frame;
  stage.show(null);
  stage.hush();
  panel.clear("Looking…");
  $("title").textContent = next.title;
  document.title = `${next.title} · limbwise`;
  offer();
}

function open(files) {
  const kind = kindOf(files[0]);
  if (!kind) {
    stage.say("error", `${files[0].name || "This"} is neither a picture nor a clip.`);
    return;
  }
  const next = kind === "photo" ? new Photo(desk, files[0]) : new Clip(desk, files[0], transport);
  begin(next);
  attempt(async () => {
    if (!models.size) await loadModels();
    await next.open();
  });
  stage.canvas.focus();
}

function openCamera(device) {
  const next = new Camera(desk);
  begin(next);
  attempt(async () => {
    if (!models.size) await loadModels();
    await next.open(device);
    await listCameras();
  });
  stage.canvas.focus();
}

async function listCameras() {
  const list = await cameras();
  const shown = $("device");
  shown.replaceChildren(...list.map(({ deviceId, label }, i) => new Option(label || `Camera ${i + 1}`, deviceId)));
  shown.value = desk.video.srcObject?.getVideoTracks()[0]?.getSettings().deviceId ?? "";
  shown.closest("label").hidden = list.length < 2;
}

/** Back to the beginning. */
function shut() {
  if (!source) return;
  const from = source.kind === "camera" ? $("camera") : $("choose");
  source.close();
  source = null;
  document.body.dataset.source = "none";
  $("ids").disabled = false;
  document.title = "limbwise";
  stage.show(null);
  stage.rest();
  stage.hush();
  panel.clear();
  panel.announce("Closed");
  offer();
  from.focus();
}

/** What can be saved or kept now. */
function offer() {
  for (const button of document.querySelectorAll("[data-save], #keep")) button.disabled = !source?.ready;
}

async function saveAs(format) {
  await attempt(async () => {
    if (format === "png") {
      const blob = await new Promise((resolve) => stage.still().toBlob(resolve, "image/png"));
      save(blob, stem(), "png");
    } else {
      const found = await source.download(format);
      save(found.blob, found.stem, format, found.frames);
    }
    panel.announce("Saved");
  });
}

function stem() {
  const frame = stage.canvas.dataset.frame;
  const name = source.title.replace(/\.[^.]+$/, "");
  return source.kind === "clip" ? `${name}_${String(frame).padStart(6, "0")}` : name;
}

async function loadModels() {
  const found = await api.models();
  models = new Map(found.models.map((model) => [model.name, model]));
  $("model").replaceChildren(...found.models.map(({ name }) => new Option(name, name)));
  if (!models.has(settings.values.model)) settings.set("model", found.default);
  $("model").value = settings.values.model;
}

settings.addEventListener("change", ({ detail: { name } }) => {
  if (name === "threshold") thresholdMoved();
  if (name === "model" && source && models.size) again();
  else stage.repaint();
});

let waiting = 0;

/** Draw by the new threshold at once; ask the server again when the slider has come to rest. */
function thresholdMoved() {
  labelThreshold();
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    if (source?.kind === "clip") source.threshold();
    else if (source?.ready) again();
  }, REST);
}

function labelThreshold() {
  const { threshold } = settings.values;
  const text = threshold === null ? "the model’s own" : threshold.toFixed(2);
  $("threshold-value").textContent = text;
  $("threshold").setAttribute("aria-valuetext", text);
  if (threshold === null) $("threshold").value = USUAL;
  $("threshold-reset").disabled = threshold === null;
}

stage.onPaint = (people) => source?.ready && panel.count(people);
settings.bind(document);
labelThreshold();
$("threshold-reset").addEventListener("click", () => {
  settings.set("threshold", null);
  $("threshold").focus();
});
watchFiles($("file"), open);
watchKeys({ transport, escape: () => (source?.cancel?.() || (source?.kind === "camera" && shut())) });
for (const button of document.querySelectorAll("[data-choose]")) button.addEventListener("click", () => $("file").click());
for (const button of document.querySelectorAll("[data-camera]")) button.addEventListener("click", () => openCamera());
for (const button of document.querySelectorAll("[data-save]")) button.addEventListener("click", () => saveAs(button.dataset.save));
$("close").addEventListener("click", shut);
$("note-close").addEventListener("click", () => stage.hush());
$("keep").addEventListener("click", async () => open([await source.snapshot()]));
$("device").addEventListener("change", ({ target }) => openCamera(target.value));
window.addEventListener("pagehide", shut); // a page that comes back begins anew
offer();
attempt(loadModels);
