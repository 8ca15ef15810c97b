// Colours of keypoints, limbs and people: the same as `limbwise.draw.palette` gives, so that the page, the command line and
// files look alike. Hues in OKLCh (B. Ottosson, "A perceptual color space for image processing", 2020), as [r, g, b] 0 to 255.

export const OUTLINE = [16, 16, 24];
const FACE_WHITE = [236, 236, 244];
const GOLDEN = (Math.sqrt(5) - 1) / 2;

// Hue in degrees of each joint, [right, left]; feet go on from the ankle.
const SIDED = {
  shoulder: [28, 138], elbow: [58, 160], wrist: [90, 190], hip: [338, 218], knee: [354, 242], ankle: [12, 264],
  heel: [20, 272], big_toe: [4, 256], small_toe: [348, 248], eye: [326, 288], ear: [332, 280],
};
const ORDER = Object.keys(SIDED);
const MIDDLE = { nose: 308, head_top: 314, neck: 114, thorax: 114, chest: 114, mid_hip: 114 };
const FINGERS = ["thumb", "index", "middle", "ring", "little"];
const FACE = ["nose", "eye", "ear", "head_top", "pupil", "face"];
const SAME_PLACE = { head_bottom: "neck", upper_neck: "neck", pelvis: "mid_hip" };

const known = new Map();

/** The colour of a lightness 0 to 1, a chroma (0 grey, 0.3 vivid) and a hue; less chroma where a screen cannot show it. */
export function oklch(lightness, chroma, hue) {
  const key = `${lightness} ${chroma} ${hue}`;
  if (!known.has(key)) known.set(key, shown(lightness, chroma, hue));
  return known.get(key);
}

function shown(lightness, chroma, hue) {
  const angle = (hue * Math.PI) / 180;
  let linear = linearRgb(lightness, 0, 0);
  for (let step = 0; chroma - step * 0.005 > 0; step += 1) {
    const c = chroma - step * 0.005;
    const found = linearRgb(lightness, c * Math.cos(angle), c * Math.sin(angle));
    if (found.every((v) => v >= -1e-4 && v <= 1.0001)) {
      linear = found;
      break;
    }
  }
  return linear.map((v) => Math.min(1, Math.max(0, v))).map((v) => Math.round(255 * encoded(v)));
}

/** sRGB of a linear share of light. */
function encoded(v) {
  return v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055;
}

/** Linear RGB of an OKLab colour (Ottosson's matrices). */
function linearRgb(lightness, a, b) {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s,
  ];
}

/** A colour of the wheel at nearly even lightness; yellow stays lighter than blue, or it would be olive. */
function vivid(hue) {
  return oklch(round(0.74 + 0.12 * Math.cos(((hue - 110) * Math.PI) / 180), 3), 0.26, round(hue, 1));
}

/** The colour of a person with this id, the same in every picture; the "left" side is darker, the "right" one lighter. */
export function idColour(number, side = "") {
  const hue = 360 * ((0.08 + number * GOLDEN) % 1);
  const lightness = [0.68, 0.6, 0.78][number % 3] + ({ left: -0.1, right: 0.08 }[side] ?? 0);
  return oklch(round(lightness, 3), 0.24, round(hue, 1));
}

/** "left", "right" or "" of a keypoint's name. */
export function sideOf(name) {
  return ["left", "right"].find((side) => name.includes(side)) ?? "";
}

/** Whether a keypoint belongs to the head, where lines are finer. */
export function isFace(name) {
  return FACE.some((part) => bare(name).startsWith(part));
}

/** A colour for each keypoint by its place on the body. */
export function keypointColours(skeleton) {
  return skeleton.keypoints.map((name, i) => keypointColour(name, i, skeleton.keypoints.length));
}

/** A colour for each limb: that of its end further from the trunk; one across both sides has the trunk's. */
export function limbColours(skeleton) {
  const joints = keypointColours(skeleton);
  return skeleton.limbs.map(([a, b]) => {
    const names = [skeleton.keypoints[a], skeleton.keypoints[b]];
    if (names.some((n) => sideOf(n) === "left") && names.some((n) => sideOf(n) === "right")) {
      return vivid(MIDDLE[isFace(names[0]) ? "nose" : "neck"]);
    }
    return joints[rank(names[1]) > rank(names[0]) ? b : a];
  });
}

function keypointColour(name, i, count) {
  const part = bare(name);
  const side = sideOf(name);
  const finger = part.slice(0, Math.max(0, part.lastIndexOf("_")));
  if (part.startsWith("face") || part.startsWith("pupil")) return FACE_WHITE;
  if (FINGERS.includes(finger)) return vivid(spread(side, (FINGERS.indexOf(finger) + 0.5) / FINGERS.length));
  if (part in SIDED && side) return vivid(SIDED[part][side === "left" ? 1 : 0]);
  return vivid(MIDDLE[part] ?? spread(side, (i + 0.5) / count));
}

/** A hue of the side's part of the wheel, `share` 0 to 1 of the way along it. */
function spread(side, share) {
  const [start, width] = { right: [340, 115], left: [135, 135], "": [0, 360] }[side];
  return (start + share * width) % 360;
}

/** A keypoint's name without its side. */
function bare(name) {
  const place = SAME_PLACE[name] ?? name;
  return place.replace(/^left_/, "").replace(/^right_/, "");
}

/** How far out on the body a keypoint lies; the trunk lies innermost. */
function rank(name) {
  const part = bare(name);
  if (part in SIDED) return 10 + ORDER.indexOf(part);
  return { neck: 0, thorax: 0, chest: 0, mid_hip: 1, hand_root: 2 }[part] ?? 5;
}

function round(value, digits) {
  return Number(value.toFixed(digits));
}

/** A colour as CSS and canvas take it. */
export function css([red, green, blue]) {
  return `rgb(${red} ${green} ${blue})`;
}

/** Whether dark text is easier to read than white on this colour. */
export function isLight([red, green, blue]) {
  return 0.299 * red + 0.587 * green + 0.114 * blue > 140;
}
