// Keys that work everywhere on the page: Space plays, arrows and full stop or comma step, Esc stops the camera or cancels a job.

/** `escape` is called for Esc; `transport` plays and steps. Controls keep the keys that are theirs. */
export function watchKeys({ transport, escape }) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") escape();
    else if (isControl(event.target)) return;
    else if (moves(transport, event.key)) event.preventDefault();
  });
}

function moves(transport, key) {
  if (key === " ") return transport.toggle();
  const steps = { ArrowRight: 1, ArrowLeft: -1, ".": 1, ",": -1 };
  return key in steps && transport.step(steps[key]);
}

function isControl(element) {
  return element.closest("button, input, select, a, dialog") !== null;
}
