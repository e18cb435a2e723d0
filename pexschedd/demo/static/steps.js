/* The three steps for somebody who is here for the first time. */

import { $, icon } from "./dom.js";

const ORDER = ["room", "send", "watch"];

export class Steps {
  constructor() {
    this.done = new Set(JSON.parse(localStorage.getItem("steps") || "[]"));
    this.hidden = localStorage.getItem("steps-hidden") === "yes";
    $("steps-close").append(icon("close", 18));
    $("steps-close").addEventListener("click", () => {
      this.hidden = true;
      localStorage.setItem("steps-hidden", "yes");
      this.render();
    });
    this.render();
  }

  /** The next thing to do, or nothing when all is done. */
  get next() {
    return ORDER.find((step) => !this.done.has(step));
  }

  name(addin) {
    const button = addin ? `“${addin.button}”` : "the add-in’s button";
    $("step-room").textContent = `Open New meeting, then ${button} in its ribbon.`;
  }

  /** Ticks a step, if it is its turn. */
  finish(step) {
    if (step !== this.next) return;
    this.done.add(step);
    this.keep();
  }

  /** Takes a tick back: what was done came to nothing. */
  undo(step) {
    if (this.done.delete(step)) this.keep();
  }

  keep() {
    localStorage.setItem("steps", JSON.stringify([...this.done]));
    this.render();
  }

  render() {
    $("steps").hidden = this.hidden;
    $("steps").querySelector("ol").classList.toggle("complete", !this.next);
    for (const item of $("steps").querySelectorAll("li")) {
      const { step } = item.dataset;
      item.classList.toggle("done", this.done.has(step));
      if (step === this.next) item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
    }
  }
}
