// The panel beside the stage: how many people, how fast, the time of each stage, and what is said to those who cannot see it.

const STAGES = ["read", "prepare", "network", "group"];

export class Panel {
  constructor(root, live) {
    this.live = live;
    this.number = root.querySelector("#count");
    this.word = root.querySelector("#count-word");
    this.facts = root.querySelector("#facts");
    this.bars = Object.fromEntries(STAGES.map((stage) => [stage, root.querySelector(`#bar-${stage}`)]));
    this.times = Object.fromEntries(STAGES.map((stage) => [stage, root.querySelector(`#time-${stage}`)]));
    this.label = root.querySelector("#label-total");
    this.total = root.querySelector("#time-total");
    this.clear();
  }

  /** Show how many people are drawn. */
  count(people) {
    this.number.textContent = people;
    this.word.textContent = people === 1 ? "person" : "people";
  }

  /** Show what is known: size in pixels, stage times and latency in milliseconds, rate in frames/s; `pace`: that of a whole clip. */
  measure({ width, height, milliseconds, rate, latency, pace }) {
    const facts = [];
    if (width && !latency) facts.push(`${width} × ${height}`);
    if (rate) facts.push(`${rate.toFixed(rate < 9.95 ? 1 : 0)} frames/s`);
    if (latency) facts.push(`${latency.toFixed(0)} ms behind`);
    this.facts.textContent = facts.join(" · ") || "\u00a0";
    if (milliseconds) this.#stages(milliseconds);
    if (pace) {
      this.label.textContent = "Looked at, in frames/s";
      this.total.textContent = pace.toFixed(1);
    }
  }

  #stages(milliseconds) {
    const sum = STAGES.reduce((total, stage) => total + (milliseconds[stage] ?? 0), 0);
    for (const stage of STAGES) {
      const time = milliseconds[stage];
      this.bars[stage].style.flexGrow = sum ? (time ?? 0) / sum : 0;
      this.times[stage].textContent = time === undefined ? "–" : digits(time);
    }
    this.label.textContent = "Together, in ms";
    this.total.textContent = digits(sum);
  }

  /** Nothing is known yet. */
  clear(text = "Nothing open yet") {
    this.number.textContent = "";
    this.word.textContent = text;
    this.facts.textContent = "\u00a0"; // keeps its line
    for (const stage of STAGES) {
      this.bars[stage].style.flexGrow = 0;
      this.times[stage].textContent = "–";
    }
    this.label.textContent = "Together, in ms";
    this.total.textContent = "–";
  }

  /** Say something to a screen reader. */
  announce(text) {
    this.live.textContent = text;
  }
}

/** Milliseconds with a decimal where that says something. */
function digits(time) {
  return time.toFixed(time < 100 ? 1 : 0);
}

/** A number of people as words. */
export function words(people) {
  return people === 0 ? "Nobody found" : `${people} ${people === 1 ? "person" : "people"} found`;
}
