/* Running the doctor on an integration. */

import { post } from "./api.js";
import { body, button, card, h, notice, show } from "./dom.js";
import { doctorReport, summary } from "./part-doctor.js";
import { mayChange } from "./session.js";

export function doctorCard(view, record) {
  // Only the outcome is read out at once; the lines are there to be gone through.
  const [outcome, lines] = [h("div", { "aria-live": "polite" }), h("div", {})];
  const user = h("input", { id: "doctor-user", type: "email", maxlength: 256, placeholder: "someone@example.com", autocomplete: "off" });
  const run = async () => {
    lines.replaceChildren();
    outcome.replaceChildren(body(notice("", "clock", "Looking at everything that this integration depends on … A few seconds, a minute at most.")));
    try {
      const address = user.value.trim();
      const response = await post(`command/v1/ms_exchange_connector/${record.id}/check/`, address ? { user: address } : {});
      if (view.signal.aborted) return;
      const report = await response.json();
      show(outcome, body(summary(report)));
      show(lines, doctorReport(report));
    } catch (problem) {
      if (!view.signal.aborted) outcome.replaceChildren(body(notice("bad", "alarm", problem.message)));
    }
  };
  const start = button("Run the doctor", run, { kind: "primary" });
  user.addEventListener("keydown", (event) => event.key === "Enter" && start.click());
  return card("Doctor", null,
    mayChange("command/ms_exchange_connector/check")
      ? body(
        h("p", { class: "soft" }, "Looks at everything from this machine, changes nothing, and says what to do. It signs in once."),
        h("div", { class: "ask" },
          h("div", { class: "field" }, h("label", { for: "doctor-user" }, "Also try for a user (optional)"), user),
          start))
      : body(h("p", { class: "soft" }, "Running it takes the role Full.")),
    outcome, lines);
}
