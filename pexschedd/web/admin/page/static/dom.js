/* Elements, icons and the small parts that views share. Texts become text nodes, never markup. */

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  alarm: "M10 3.2 17.300 16H2.700zM10 8v3.600M10 13.8v.2",
  again: "M4.5 8.5A6 6 0 0 1 15.5 8M15.500 4v4h-4M15.5 11.5A6 6 0 0 1 4.5 12M4.500 16v-4h4",
  check: "M4.5 10.5 8.5 14.5 15.5 6",
  close: "M5 5l10 10M15 5 5 15",
  clock: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM10 6v4.200l2.8 1.6",
  copy: "M7.5 7.500V5A1.5 1.5 0 0 1 9 3.500h6A1.5 1.5 0 0 1 16.5 5v6a1.5 1.5 0 0 1-1.5 1.500h-2.500M5 7.500h6A1.5 1.5 0 0 1 12.5 9v6a1.5 1.5 0 0 1-1.5 1.500H5A1.5 1.5 0 0 1 3.5 15V9A1.5 1.5 0 0 1 5 7.500z",
  dash: "M6 10h8",
  download: "M10 3.500v9M6.5 9.5 10 13l3.500-3.500M4 16.500h12",
  info: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM10 9v4.500M10 6.500v.2",
  key: "M12.5 4a3.500 3.500 0 1 1-2.700 5.700L4 15.500V17h3v-2h2v-2l1.500-1.500M13 7.300v.1",
  left: "M12.5 4.5 7 10l5.5 5.5",
  moon: "M16 11.800A6.5 6.5 0 0 1 8.2 4a6.5 6.5 0 1 0 7.8 7.800z",
  out: "M8 3.500H5A1.500 1.500 0 0 0 3.500 5v10A1.500 1.500 0 0 0 5 16.500h3M12.500 6.500 16 10l-3.500 3.500M16 10H7.500",
  plus: "M10 4v12M4 10h12",
  right: "M7.5 4.5 13 10l-5.5 5.5",
  search: "M9 4a5 5 0 1 0 0 10A5 5 0 0 0 9 4zM12.700 12.700 16.500 16.500",
  sun: "M10 6.500a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM10 2v1.500M10 16.500V18M2 10h1.500M16.5 10H18M4.3 4.300l1.1 1.100M14.6 14.600l1.1 1.100M4.3 15.700l1.1-1.100M14.6 5.400l1.1-1.1",
  video: "M3 7a1.5 1.5 0 0 1 1.5-1.500h6A1.5 1.5 0 0 1 12 7v6a1.5 1.5 0 0 1-1.5 1.500h-6A1.5 1.5 0 0 1 3 13zM14 9l3-1.800v5.600L14 11z",
};

/** Makes an element; children are elements, texts or nothing. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const $ = (id) => document.getElementById(id);

export function icon(name, size = 18) {
  const svg = document.createElementNS(SVG, "svg");
  const attributes = { viewBox: "0 0 20 20", width: size, height: size, class: "icon", "aria-hidden": "true" };
  for (const [key, value] of Object.entries(attributes)) svg.setAttribute(key, value);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/**
 * Replaces what is inside, but only if it will look different; the focus stays where it is, by the
 * address of a link or the `data-key` of another element, and what is unfolded stays unfolded.
 */
export function show(element, ...children) {
  const next = h("div", {}, ...children);
  if (element.innerHTML === next.innerHTML) return;
  const key = (one) => one.dataset.key || one.getAttribute("href");
  const focused = element.contains(document.activeElement) && key(document.activeElement);
  const open = [...element.querySelectorAll("details[open][data-key]")].map(key);
  element.replaceChildren(...next.childNodes);
  for (const one of element.querySelectorAll("details[data-key]")) if (open.includes(key(one))) one.open = true;
  if (focused) [...element.querySelectorAll("a, button, summary, input")].find((one) => key(one) === focused)?.focus();
}

export function toast(text) {
  const note = h("p", { class: "toast" }, text);
  $("toasts").append(note);
  setTimeout(() => note.remove(), 6000);
}

export const pill = (kind, text, ...more) => h("span", { class: `pill ${kind}` }, text, ...more);

export const card = (title, actions, ...content) =>
  h("section", { class: "card", "aria-label": title },
    h("header", {}, h("h2", {}, title), actions), ...content);

export const body = (...content) => h("div", { class: "body" }, ...content);

export const facts = (...pairs) =>
  h("dl", { class: "facts" }, pairs.filter(Boolean).map(([name, ...value]) => [h("dt", {}, name), h("dd", {}, ...value)]));

export const empty = (sign, title, text, ...more) =>
  h("div", { class: "empty" }, icon(sign, 26), h("b", {}, title), text && h("span", {}, text), ...more);

export const notice = (kind, sign, ...content) =>
  h("div", { class: `notice ${kind}` }, icon(sign), h("div", {}, ...content));

/** The heading of a view, which has the focus when the view is opened. */
export const head = (title, { crumb, text, actions } = {}) =>
  h("div", { class: "head" },
    h("div", {}, crumb && h("p", { class: "crumb" }, crumb), h("h1", { tabindex: "-1" }, title), text && h("p", {}, text)),
    actions && h("div", { class: "actions" }, actions));

/** A button that does its work once at a time, however often it is pressed. */
export function button(text, work, { kind = "", sign, ...props } = {}) {
  let working = false;
  const made = h("button", { type: "button", class: kind, ...props }, sign && icon(sign), text);
  made.addEventListener("click", async () => {
    if (working) return;
    working = true;
    made.setAttribute("aria-disabled", "true");
    try {
      await work(made);
    } finally {
      working = false;
      made.removeAttribute("aria-disabled");
    }
  });
  return made;
}

export const copyButton = (text, what) =>
  h("button", {
    type: "button",
    class: "icon-button",
    "aria-label": `Copy ${what}`,
    title: "Copy",
    onclick: async () => {
      try {
        await navigator.clipboard.writeText(text);
        toast("Copied.");
      } catch {
        toast("The browser does not allow copying here. Select the text and copy it.");
      }
    },
  }, icon("copy", 16));

/** A file of the browser's own making, saved as a download. */
export function save(blob, name) {
  const address = URL.createObjectURL(blob);
  h("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
}
