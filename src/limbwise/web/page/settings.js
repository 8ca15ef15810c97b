// What a person has chosen: model, threshold, what to draw. Kept in the browser, bound to the controls of the page by their names.

const STORE = "limbwise.settings";
const DEFAULTS = {
  model: null,
  threshold: null, // the model's own
  limbs: true,
  joints: true,
  ids: true,
  boxes: false,
  picture: "shown",
  colours: "limb",
  mirror: false,
  facing: "", // where the last camera looked that said so: "user", "environment"
  step: false, // of the camera: not the live picture, but the one that its people were found in
};

const TYPES = { model: "string", threshold: "number" }; // of what may also be null

/** Fires "change" with {name} in its detail. Values are read as fields: `settings.values.threshold`. */
export class Settings extends EventTarget {
  constructor() {
    super();
    this.values = { ...DEFAULTS, ...stored() };
  }

  set(name, value) {
    if (this.values[name] === value) return;
    this.values[name] = value;
    store(this.values);
    this.dispatchEvent(new CustomEvent("change", { detail: { name } }));
  }

  /** Tie every control with a data-setting to its value, both ways. */
  bind(root) {
    for (const control of root.querySelectorAll("[data-setting]")) {
      const name = control.dataset.setting;
      show(control, this.values[name]);
      control.addEventListener("input", () => this.#take(control, name));
      this.addEventListener("change", ({ detail }) => detail.name === name && show(control, this.values[name]));
    }
  }

  #take(control, name) {
    if (control.type === "checkbox") this.set(name, control.checked);
    else if (control.type === "radio") control.checked && this.set(name, control.value);
    else if (control.type === "range") this.set(name, control.valueAsNumber);
    else this.set(name, control.value);
  }
}

function show(control, value) {
  if (control.type === "checkbox") control.checked = value;
  else if (control.type === "radio") control.checked = control.value === value;
  else if (value !== null) control.value = value;
}

/** What was kept, of the right types only: another version may have written it. */
function stored() {
  try {
    const kept = JSON.parse(localStorage.getItem(STORE)) ?? {};
    const fits = ([name, value]) => name in DEFAULTS && typeof value === (TYPES[name] ?? typeof DEFAULTS[name]);
    return Object.fromEntries(Object.entries(kept).filter(fits));
  } catch {
    return {};
  }
}

function store(values) {
  try {
    localStorage.setItem(STORE, JSON.stringify(values));
  } catch {
    // storage is switched off: the choice lasts as long as the page
  }
}
