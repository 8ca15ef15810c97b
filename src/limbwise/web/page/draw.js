// People on a canvas, as `limbwise.draw.people` draws them: limbs as lens-shaped sticks, keypoints as discs, both with a thin
// dark rim; boxes and ids. Every size follows the picture and the person.

import { OUTLINE, css, idColour, isFace, isLight, keypointColours, limbColours, sideOf } from "./palette.js";

const FINE = 0.4; // width of the lines of a face outline or a hand, as a share of the body's
const UNSEEN = 0.45; // width of limbs to keypoints that were filled in without being seen (score 0)
const DIM = 0.62; // how dark a dimmed picture is
const LENS = superellipse(0.8);

/**
 * Draw a scene `scale` times its own size from the canvas's top left corner.
 *
 * A scene is {width, height, picture, people, skeleton, asked, mirrored}: a picture that the canvas can draw or null, people as the
 * server gives them (keypoints [x, y, score] or null, (0, 0) the centre of the first pixel), the threshold that it was asked for
 * (null: the model's own), and whether it is shown as in a mirror. Returns the number of people drawn.
 */
export function drawScene(ctx, scene, look, scale = 1) {
  const { width, height } = scene;
  ctx.setTransform(scale, 0, 0, scale, 0, 0);
  drawPicture(ctx, scene, look.picture);
  if (!scene.skeleton) return 0;
  ctx.setTransform(scale, 0, 0, scale, scale / 2, scale / 2); // whole numbers are the middles of pixels
  const style = styleOf(scene.skeleton);
  const figures = scene.people.map((person, n) => figureOf(person, n, scene, look)).filter(Boolean);
  figures.sort((a, b) => b.size - a.size); // large ones first, so that nobody small is covered
  for (const figure of figures) drawFigure(ctx, figure, scene.skeleton, style, look);
  if (look.ids) for (const figure of figures) drawId(ctx, figure, scene.skeleton, width, height);
  return figures.length;
}

function drawPicture(ctx, { width, height, picture, mirrored }, how) {
  ctx.fillStyle = "rgb(0 0 0)";
  if (!picture || how === "black") {
    ctx.fillRect(0, 0, width, height);
    return;
  }
  ctx.save();
  ctx.imageSmoothingQuality = "high";
  if (mirrored) ctx.transform(-1, 0, 0, 1, width, 0);
  ctx.drawImage(picture, 0, 0, width, height);
  ctx.restore();
  if (how === "dimmed") {
    ctx.fillStyle = `rgb(0 0 0 / ${DIM})`;
    ctx.fillRect(0, 0, width, height);
  }
}

/** One person ready to draw, or null where nothing of it is certain enough: points {x, y, filled} or null, box, width, rim, number. */
function figureOf(person, n, { width, height, asked, mirrored }, look) {
  const least = look.threshold === null || look.threshold <= (asked ?? 0) ? 0 : look.threshold; // what the server has not done
  const points = person.keypoints.map((point) => {
    if (!point || (point[2] !== 0 && point[2] <= least)) return null;
    return { x: mirrored ? width - 1 - point[0] : point[0], y: point[1], filled: point[2] === 0 };
  });
  const there = points.filter(Boolean);
  if (!there.some((point) => !point.filled)) return null;
  const xs = there.map((point) => point.x);
  const ys = there.map((point) => point.y);
  const box = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
  const size = Math.hypot(box[2] - box[0], box[3] - box[1]);
  const line = Math.max(1.5, Math.min(0.022 * size, 0.011 * Math.sqrt(width * height)));
  const rim = Math.min(3, Math.max(0.5, 0.22 * line));
  const followed = person.id !== null && person.id !== undefined && person.id >= 0;
  return { points, box, size, width: line, rim, followed, number: followed ? person.id : n };
}

const styles = new WeakMap();

/** Colours and shares of the line width of a skeleton's limbs and keypoints, worked out once. */
function styleOf(skeleton) {
  if (!styles.has(skeleton)) {
    const head = skeleton.keypoints.map(isFace);
    const fine = skeleton.keypoints.map((name) => /(face|pupil|thumb|index|middle|ring|little)_/.test(`${name}_`));
    styles.set(skeleton, {
      limbs: limbColours(skeleton),
      joints: keypointColours(skeleton),
      limbShares: skeleton.limbs.map(([a, b]) => (fine[a] || fine[b] ? FINE : head[a] && head[b] ? 0.6 : 1)),
      jointShares: skeleton.keypoints.map((_, k) => (fine[k] ? FINE : head[k] ? 0.75 : 1)),
    });
  }
  return styles.get(skeleton);
}

function drawFigure(ctx, figure, skeleton, style, look) {
  if (look.boxes) drawBox(ctx, figure);
  if (look.limbs) drawLimbs(ctx, figure, skeleton, style, look.colours);
  if (look.joints) drawJoints(ctx, figure, skeleton, style, look.colours);
}

/** All limbs whose two ends are shown: first the rims, then the colours, so that no rim cuts through a limb. */
function drawLimbs(ctx, figure, skeleton, style, colours) {
  const sticks = skeleton.limbs
    .map(([a, b], i) => ({ a: figure.points[a], b: figure.points[b], colour: limbColour(figure, skeleton, style, colours, i), i }))
    .filter(({ a, b }) => a && b);
  for (const rimmed of [true, false]) {
    for (const { a, b, colour, i } of sticks) {
      const share = style.limbShares[i] * (a.filled || b.filled ? UNSEEN : 1);
      const half = Math.max(figure.width * share, 1) / 2;
      ctx.fillStyle = css(rimmed ? OUTLINE : colour);
      stick(ctx, a, b, half, rimmed ? figure.rim * share : 0);
    }
  }
}

function limbColour(figure, skeleton, style, colours, i) {
  if (colours === "limb") return style.limbs[i];
  const [from, to] = skeleton.limbs[i].map((k) => sideOf(skeleton.keypoints[k]));
  return idColour(figure.number, from === to || from === "" ? to : "");
}

function stick(ctx, a, b, half, rim) {
  const length = Math.max(Math.hypot(b.x - a.x, b.y - a.y), 1e-3);
  const [ux, uy] = [(b.x - a.x) / length, (b.y - a.y) / length];
  ctx.beginPath();
  for (const [along, across] of LENS) {
    const s = (length / 2 + rim) * along;
    const t = (half + rim) * across;
    ctx.lineTo((a.x + b.x) / 2 + s * ux - t * uy, (a.y + b.y) / 2 + s * uy + t * ux);
  }
  ctx.fill();
}

/** Points of an outline of half length and half width 1: a circle for power 1, fuller at its ends below. */
function superellipse(power) {
  const bend = (v) => Math.sign(v) * Math.abs(v) ** power;
  return Array.from({ length: 28 }, (_, i) => (2 * Math.PI * i) / 28).map((t) => [bend(Math.cos(t)), bend(Math.sin(t))]);
}

function drawJoints(ctx, figure, skeleton, style, colours) {
  figure.points.forEach((point, k) => {
    if (!point) return;
    const share = style.jointShares[k] * (point.filled ? UNSEEN : 1);
    const radius = Math.max(0.72 * figure.width * share, share > FINE ? 1 : 0.6);
    if (share > FINE) disc(ctx, point, radius + figure.rim, OUTLINE);
    disc(ctx, point, radius, colours === "limb" ? style.joints[k] : idColour(figure.number, sideOf(skeleton.keypoints[k])));
  });
}

function disc(ctx, { x, y }, radius, colour) {
  ctx.fillStyle = css(colour);
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 2 * Math.PI);
  ctx.fill();
}

/** The box of the keypoints, a limb's width around them. */
function drawBox(ctx, { box, width, number }) {
  const margin = 1.5 * width;
  const line = Math.max(1, width / 4);
  for (const [thick, colour] of [[line + 1, OUTLINE], [line, idColour(number)]]) {
    ctx.strokeStyle = css(colour);
    ctx.lineWidth = thick;
    ctx.beginPath();
    ctx.roundRect(box[0] - margin, box[1] - margin, box[2] - box[0] + 2 * margin, box[3] - box[1] + 2 * margin, width);
    ctx.stroke();
  }
}

/** The id on a chip above the highest keypoint, over the forehead where that is an eye or the nose; always upright and inside. */
function drawId(ctx, figure, skeleton, wide, high) {
  if (!figure.followed) return;
  const top = figure.points.reduce((best, point, k) => (point && (best < 0 || point.y < figure.points[best].y) ? k : best), -1);
  const name = skeleton.keypoints[top];
  const forehead = isFace(name) && name !== "head_top" ? 0.08 * (figure.box[3] - figure.box[1]) : 0;
  const text = Math.min(48, Math.max(11, Math.min(0.03 * Math.sqrt(wide * high), 0.12 * figure.size)));
  ctx.font = `600 ${text}px system-ui, sans-serif`;
  const half = Math.max(ctx.measureText(String(figure.number)).width / 2 + 0.4 * text, 0.7 * text);
  const x = Math.min(wide - half - 1, Math.max(half, figure.points[top].x));
  const y = Math.min(high - 0.7 * text, Math.max(0.7 * text, figure.points[top].y - forehead - 2 * figure.width - 0.7 * text));
  chip(ctx, String(figure.number), x, y, half, text, idColour(figure.number));
}

function chip(ctx, label, x, y, half, text, colour) {
  ctx.fillStyle = css(colour);
  ctx.strokeStyle = css(OUTLINE);
  ctx.lineWidth = Math.max(0.5, 0.06 * text);
  ctx.beginPath();
  ctx.roundRect(x - half, y - 0.68 * text, 2 * half, 1.36 * text, 0.68 * text);
  ctx.fill();
  ctx.stroke();
  ctx.fillStyle = css(isLight(colour) ? OUTLINE : [255, 255, 255]);
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.fillText(label, x, y + 0.05 * text);
}
