/* Fields of a form, each with what is wrong with it and what the doctor found about it. */

import { h, icon } from "./dom.js";
import { findings, SIGNS } from "./part-doctor.js";
import { plain } from "./part-words.js";

/**
 * One field. `declared` is what the schema says of it; the value is read and written by `value`.
 * `options` are the choices with their words, `kind` the type of an input.
 */
export class FormField {
  constructor(name, label, { hint, kind = "text", options, placeholder, wide, optional, list } = {}, declared = {}) {
    this.name = name;
    this.label = label;
    this.kind = kind;
    this.isList = Boolean(list);
    const id = `field-${name}`;
    const described = `${id}-hint ${id}-wrong ${id}-verdict`;
    const props = { id, name, "aria-describedby": described, "aria-required": !optional && "true" };
    this.input = options
      ? h("select", props, options.map(([value, words]) => h("option", { value }, words)))
      : h("input", {
        ...props, type: kind === "password" ? "text" : kind, placeholder, spellcheck: "false", autocapitalize: "off",
        autocomplete: kind === "password" ? "new-password" : "off",
        maxlength: kind === "number" ? undefined : /Maximum length: (\d+)/.exec(declared.help_text || "")?.[1],
        inputmode: kind === "number" ? "numeric" : undefined,
      });
    this.wrong = h("p", { class: "wrong", id: `${id}-wrong`, hidden: true });
    this.verdict = h("div", { class: "verdicts", id: `${id}-verdict` });
    this.element = h("div", { class: wide ? "field wide" : "field" },
      h("label", { for: id }, label, optional && h("span", { class: "soft" }, " (optional)")),
      this.input,
      h("p", { class: "hint", id: `${id}-hint`, title: name }, hint || plain(firstSentences(declared.help_text))),
      this.wrong, this.verdict);
  }

  /** Not shown and not sent; a password field that is not there is none for the browser either. */
  set hidden(away) {
    this.element.hidden = away;
    if (this.kind === "password") this.input.type = away ? "text" : "password";
  }

  get hidden() {
    return this.element.hidden;
  }

  get value() {
    return this.input.value;
  }

  set value(text) {
    this.input.value = text;
  }

  /** Shows what is wrong; `own` are the labels of the form. */
  refuse(texts, own) {
    this.wrong.replaceChildren(...(texts.length ? [icon("close", 16), h("span", {}, plain(texts.join(" "), own))] : []));
    this.wrong.hidden = texts.length === 0;
    if (texts.length) this.input.setAttribute("aria-invalid", "true");
    else this.input.removeAttribute("aria-invalid");
  }

  /** Shows the doctor's lines about this field: what passed in one line, the rest in full. */
  judge(lines, own) {
    const passed = lines.filter((line) => line.status === "passed");
    const skipped = lines.filter((line) => line.status === "not_checked");
    const bad = lines.filter((line) => line.status === "failed" || line.status === "warning");
    const brief = (kind, some) => some.length > 0 &&
      h("p", { class: `brief ${SIGNS[kind][0]}` }, icon(SIGNS[kind][1], 16), h("span", {}, `${SIGNS[kind][2]}: ${some.map((line) => line.title).join(", ")}`));
    this.verdict.replaceChildren(...[
      ...bad.map((line) => h("div", { class: `finding ${SIGNS[line.status][0]}` }, icon(SIGNS[line.status][1], 16),
        h("div", {}, h("b", {}, line.title, h("span", { class: "unseen" }, `: ${SIGNS[line.status][2]}`)), findings(line, own)))),
      brief("passed", passed),
      brief("not_checked", skipped),
    ].filter(Boolean));
  }
}

/** The explanation without the limits and rules that the schema adds for programs. */
function firstSentences(text = "") {
  return text.replace(/ (?:Range|Maximum length|Variables|Never returned|Needed again|Is needed again)\b.*$/s, "").trim();
}
