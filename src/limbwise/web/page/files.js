// Files in and out: which kind a file is, one that was dropped, chosen or pasted, and saving what was found.

const PICTURES = /\.(jpe?g|png|webp|bmp|tiff?|gif|avif|jp2|ppm|pgm|hdr|exr)$/i;
const CLIPS = /\.(mp4|m4v|mov|mkv|webm|avi|mpe?g|ogv|wmv|flv|ts|mts|m2ts|3gp|mjpe?g|y4m)$/i;

const NAMES = {
  openpose: (stem) => `${stem}_keypoints.json`,
  coco: (stem) => `${stem}_coco.json`,
  csv: (stem) => `${stem}.csv`,
  png: (stem) => `${stem}_people.png`,
};

/** "photo", "clip" or "" of a file, by what the browser says and by its name. */
export function kindOf(file) {
  if (file.type.startsWith("video/") || CLIPS.test(file.name)) return "clip";
  if (file.type.startsWith("image/") || PICTURES.test(file.name)) return "photo";
  return "";
}

/** A file's name without its ending. */
export function stem(name) {
  return name.replace(/\.[^.]+$/, "") || "picture";
}

/** Let the browser save a blob. */
export function save(blob, fileStem, format, frames = false) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  const archive = frames && format === "openpose" && blob.type.includes("zip");
  link.download = archive ? `${fileStem}_json.zip` : NAMES[format](fileStem);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000); // the download has begun by then
}

/** Call `take(files)` for files that are dropped anywhere, chosen in `input`, or pasted. */
export function watchFiles(input, take) {
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = ""; // the same file may be chosen again
    if (files.length) take(files);
  });
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) take(files);
  });
  watchDrops(take);
}

function watchDrops(take) {
  let depth = 0; // dragenter and dragleave come for every element on the way
  const mark = (change) => {
    depth = Math.max(0, depth + change);
    document.body.classList.toggle("dragging", depth > 0);
  };
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragenter", (event) => holdsFiles(event) && mark(1));
  document.addEventListener("dragleave", (event) => holdsFiles(event) && mark(-1));
  document.addEventListener("dragover", (event) => holdsFiles(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    mark(-depth);
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length) take(files);
  });
}
