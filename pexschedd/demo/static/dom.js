/* Small helpers: elements, icons, and how times are written. */

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  left: "M12.5 4.5 7 10l5.5 5.5",
  right: "M7.5 4.5 13 10l-5.5 5.5",
  close: "M5 5l10 10M15 5 5 15",
  send: "M3.5 10 16.5 4l-4.5 12.5-2.5-5.500zM9.5 11l7-7",
  trash: "M4 6h12M8 6V4h4v2M5.5 6l.7 10.500h7.600L14.5 6M8.5 9v5M11.5 9v5",
  sun: "M10 6.500a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM10 2v1.500M10 16.500V18M2 10h1.500M16.5 10H18M4.3 4.300l1.1 1.100M14.6 14.600l1.1 1.100M4.3 15.700l1.1-1.100M14.6 5.400l1.1-1.1",
  moon: "M16 11.800A6.5 6.5 0 0 1 8.2 4a6.5 6.5 0 1 0 7.8 7.800z",
  video: "M3 7a1.5 1.5 0 0 1 1.5-1.500h6A1.5 1.5 0 0 1 12 7v6a1.5 1.5 0 0 1-1.5 1.500h-6A1.5 1.5 0 0 1 3 13zM14 9l3-1.800v5.600L14 11z",
  copy: "M7.5 7.500V5A1.5 1.5 0 0 1 9 3.500h6A1.5 1.5 0 0 1 16.5 5v6a1.5 1.5 0 0 1-1.5 1.500h-2.500M5 7.500h6A1.5 1.5 0 0 1 12.5 9v6a1.5 1.5 0 0 1-1.5 1.500H5A1.5 1.5 0 0 1 3.5 15V9A1.5 1.5 0 0 1 5 7.500z",
  check: "M4.5 10.5 8.5 14.5 15.5 6",
  lock: "M6.5 9V6.500a3.5 3.5 0 0 1 7 0V9M5 9h10v7H5z",
  unlock: "M6.5 9V6.500a3.5 3.5 0 0 1 6.7-1.400M5 9h10v7H5z",
  clock: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM10 6v4.200l2.8 1.6",
  place: "M10 17.500s5-4.6 5-8.700a5 5 0 0 0-10 0c0 4.1 5 8.7 5 8.700zM10 10.500a1.7 1.7 0 1 0 0-3.4 1.7 1.7 0 0 0 0 3.400z",
  people: "M7.5 9.500a2.7 2.7 0 1 0 0-5.4 2.7 2.7 0 0 0 0 5.400zM2.5 16c0-2.7 2.2-4.5 5-4.500s5 1.8 5 4.500M13 9.500a2.3 2.3 0 1 0-1-4.400M14.2 11.700c2 .4 3.3 2 3.3 4.3",
  edit: "M4 16l.8-3.400L13.5 4 16 6.500l-8.6 8.700zM12 5.5 14.5 8",
  again: "M4.5 8.5A6 6 0 0 1 15.5 8M15.500 4v4h-4M15.5 11.5A6 6 0 0 1 4.5 12M4.500 16v-4h4",
  help: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM8 8a2 2 0 1 1 2.8 1.800c-.5.3-.8.6-.8 1.200M10 13.500v.3",
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
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const $ = (id) => document.getElementById(id);

export function icon(name, size = 20) {
  const svg = document.createElementNS(SVG, "svg");
  const attributes = { viewBox: "0 0 20 20", width: size, height: size, class: "icon", "aria-hidden": "true" };
  for (const [key, value] of Object.entries(attributes)) svg.setAttribute(key, value);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Puts light or dark on the page, as was chosen on the desk or the system has it. */
export function paint() {
  const chosen = localStorage.getItem("theme");
  const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  return dark;
}

export const time = (date) =>
  date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

export const day = (date) =>
  date.toLocaleDateString("en-GB", { weekday: "short", day: "numeric", month: "short" });

export const sameDay = (one, other) => one.toDateString() === other.toDateString();

/** "today 14:30", "tomorrow 09:00", "Mon 23 Nov, 09:00" */
export function moment(date, now) {
  const tomorrow = new Date(now);
  tomorrow.setDate(now.getDate() + 1);
  if (sameDay(date, now)) return `today ${time(date)}`;
  if (sameDay(date, tomorrow)) return `tomorrow ${time(date)}`;
  return `${day(date)}, ${time(date)}`;
}

/** "in 35 min", "in 3 h 05 min", "in 2 days" */
export function distance(ms) {
  const minutes = Math.max(1, Math.ceil(ms / 60000));
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${String(minutes % 60).padStart(2, "0")} min`;
  const days = Math.floor(hours / 24);
  return `${days} day${days > 1 ? "s" : ""} ${hours % 24} h`;
}

export const joinLink = (uid) => `/desk/join?${new URLSearchParams({ uid })}`;

const EARLY = 3600000;

/** Is it time to offer the way into a meeting's room? The room itself says whether it is open. */
export function joinSoon(meeting, from, to, now) {
  return meeting.with_room && !meeting.cancelled && now > from - EARLY && now < to;
}

export function initials(name) {
  return name.split(/\s+/).map((word) => word[0] || "").slice(0, 2).join("").toUpperCase();
}

/** Replaces what is inside, but only if it will look different. */
export function show(element, ...children) {
  const next = h("div", {}, ...children);
  if (element.innerHTML !== next.innerHTML) element.replaceChildren(...next.childNodes);
}

export function toast(text, kind = "") {
  const note = h("p", { class: `toast ${kind}` }, text.length > 140 ? `${text.slice(0, 139)}…` : text);
  $("toasts").append(note);
  setTimeout(() => note.remove(), 6000);
}
