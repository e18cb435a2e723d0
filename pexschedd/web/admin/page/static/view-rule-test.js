/* A form that tests the rules of One-Touch Join with an invitation. */

import { ask, list, Problem } from "./api.js";
import { body, button, card, copyButton, empty, facts, h, head, icon, notice, pill } from "./dom.js";
import { when } from "./format.js";
import { FormField } from "./part-fields.js";
import { mayRead } from "./session.js";

const COMMAND = "command/v1/mjx_meeting_processing_rule/test/";
const FILES = ".eml,.ics,.html,.htm,.txt,message/rfc822,text/calendar,text/html,text/plain";

class RuleTest {
  constructor(view, profiles) {
    this.view = view;
    this.profile = new FormField("mjx_integration", "Profile", {
      options: [["", "None: all services that need no domain of yours"], ...profiles.map((each) => [each.id, each.name])],
      hint: "Its rules are tried, and its settings say what the screen shows.", optional: true, wide: true,
    });
    this.subject = new FormField("subject", "Subject", { optional: true, hint: "If the invitation has none of its own." });
    this.location = new FormField("location", "Location", { optional: true, hint: "If the invitation has none of its own." });
    this.text = h("textarea", { id: "invitation-text", class: "paste mono", rows: 8, spellcheck: "false", "aria-describedby": "invitation-text-hint invitation-text-wrong" });
    this.file = h("input", { id: "invitation-file", type: "file", accept: FILES, "aria-describedby": "invitation-file-hint" });
    this.wrong = h("p", { class: "wrong", id: "invitation-text-wrong", hidden: true });
    this.results = h("div", { class: "stack", role: "status" });
  }

  fields() {
    return h("section", { class: "card", "aria-label": "Invitation" },
      h("header", {}, h("h2", {}, "Invitation")),
      h("div", { class: "body two" },
        h("div", { class: "field wide" }, h("label", { for: "invitation-text" }, "Text"), this.text,
          h("p", { class: "hint", id: "invitation-text-hint" }, "Text or HTML, as it is. Nothing of it is stored."), this.wrong),
        h("div", { class: "field wide" }, h("label", { for: "invitation-file" }, "Or a file"), this.file,
          h("p", { class: "hint", id: "invitation-file-hint" }, "A mail (.eml) or a calendar file (.ics) that was saved from Outlook or another client; it counts rather than the text.")),
        this.profile.element, this.subject.element, this.location.element));
  }

  refuse(text) {
    this.wrong.replaceChildren(...(text ? [icon("close", 16), h("span", {}, text)] : []));
    this.wrong.hidden = !text;
    if (text) this.text.setAttribute("aria-invalid", "true");
    else this.text.removeAttribute("aria-invalid");
  }

  async run() {
    this.refuse("");
    this.results.replaceChildren();
    const [file] = this.file.files;
    if (!file && !this.text.value.trim()) {
      this.refuse("Paste the text of an invitation, or choose a file.");
      this.text.focus();
      return;
    }
    const query = new URLSearchParams();
    for (const field of [this.profile, this.subject, this.location]) if (field.value.trim()) query.set(field.name, field.value.trim());
    this.results.replaceChildren(notice("", "clock", "The rules are tried …"));
    try {
      // Its content tells what it is.
      const sent = { body: file || new Blob([this.text.value]), headers: { "Content-Type": "application/octet-stream" } };
      const found = await (await ask("POST", query.size ? `${COMMAND}?${query}` : COMMAND, sent)).json();
      if (!this.view.signal.aborted) this.results.replaceChildren(...report(found));
    } catch (problem) {
      if (this.view.signal.aborted || !(problem instanceof Problem)) throw problem;
      const wrong = Object.entries(problem.fields).map(([name, texts]) => h("p", {}, `${name ? `${name}: ` : ""}${texts.join(" ")}`));
      this.results.replaceChildren(notice("bad", "alarm", h("b", {}, problem.message), wrong));
    }
  }
}

const time = (text) => (text ? when(text) : "not in the invitation");

function report(found) {
  const { screen } = found;
  return [
    h("section", { class: "card screen-line", "aria-label": "On the screen" },
      h("header", {}, h("h2", {}, "On the screen"), screen.has_join ? pill("good", "Join") : screen.is_shown ? pill("wait", "Without Join") : pill("", "Not shown")),
      body(
        screen.is_shown && h("p", { class: "shown-title wrap" }, screen.title),
        screen.reason && h("p", {}, screen.reason),
        screen.has_join && facts(
          ["Dials", h("span", { class: "with-button" }, h("code", {}, found.alias), copyButton(found.alias, "what is dialled"))],
          ["Protocol", found.protocol],
          ["Service", found.service || found.platform],
          found.pin && ["PIN to enter", h("code", {}, found.pin)],
          ["Found by", found.rule],
          ["Time", time(found.start)],
          screen.join_from && ["Join", when(screen.join_from), " to ", when(screen.join_until)]))),
    card("Rules", null, found.tried.length
      ? h("ol", { class: "rows" }, found.tried.map((each) => tried(each, each.rule === found.rule)))
      : empty("search", "There are no rules", "The profile has none yet.")),
    found.notes.length > 0 && card("Remarks", null, h("ul", { class: "rows" }, found.notes.map((text) => h("li", { class: "wrap" }, text)))),
    found.links.length > 0 && card("Links, as their senders wrote them", null, h("ul", { class: "rows" }, found.links.map(link))),
  ].filter(Boolean);
}

const tried = (each, matched) =>
  h("li", { class: `verdict ${matched ? "good" : ""}` }, icon(matched ? "check" : "dash"),
    h("div", {}, h("h3", {}, each.rule, h("span", { class: "unseen" }, matched ? ": matched" : ": did not match")), h("p", { class: "soft wrap" }, each.reason)));

const link = (each) =>
  h("li", {}, h("code", {}, each.url),
    h("p", { class: "soft small wrap" }, [each.service, each.rewritten_by.length > 0 && `was rewritten by ${each.rewritten_by.join(", ")}`].filter(Boolean).join(" · ") || "no known service"));

async function open(view) {
  view.title("Rule test");
  const profiles = mayRead("configuration/mjx_integration")
    ? await list("configuration/v1/mjx_integration/", { limit: 1000, order_by: "name" }, view.signal) : [];
  const test = new RuleTest(view, profiles);
  const run = button("Test", () => test.run(), { kind: "primary", sign: "check" });
  const form = h("form", {
    novalidate: true,
    class: "stack",
    onsubmit: (event) => {
      event.preventDefault();
      run.click();
    },
  }, test.fields(), h("div", { class: "actions form-end" }, run), h("button", { type: "submit", hidden: true }), test.results);
  view.root.replaceChildren(
    head("Rule test", { text: "What a room’s screen shows for an invitation, which rule finds it, and why the others do not." }), form);
}

export { open as show };
