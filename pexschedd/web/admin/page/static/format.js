/* How times and amounts are written: the browser's zone, 24 hours, plain words. */

import { h } from "./dom.js";

/** The server's times have no zone and are UTC. */
export const parse = (text) => (text ? new Date(/Z|[+-]\d\d:\d\d$/.test(text) ? text : `${text}Z`) : null);

/** As the server's filters take it. */
export const stamp = (date) => date.toISOString().slice(0, 19);

export const clock = (date) => date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

export const day = (date) => date.toLocaleDateString("en-GB", { weekday: "short", day: "numeric", month: "short" });

export const longDay = (date) =>
  date.toLocaleDateString("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric" });

export const sameDay = (one, other) => one.toDateString() === other.toDateString();

/** "today 14:30", "yesterday 09:00", "Mon 23 Nov, 09:00", "3 Feb 2025, 09:00" */
export function moment(date, now = new Date()) {
  const shifted = (days) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + days);
  if (sameDay(date, now)) return `today ${clock(date)}`;
  if (sameDay(date, shifted(-1))) return `yesterday ${clock(date)}`;
  if (sameDay(date, shifted(1))) return `tomorrow ${clock(date)}`;
  if (Math.abs(date - now) < 200 * 86400000) return `${day(date)}, ${clock(date)}`;
  return `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" })}, ${clock(date)}`;
}

export const plural = (count, one, many = `${one}s`) => `${count.toLocaleString("en-GB")} ${count === 1 ? one : many}`;

/** "40 s", "12 min", "3 h 05 min", "2 days" */
export function duration(seconds) {
  if (seconds < 60) return `${Math.max(0, Math.round(seconds))} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${String(minutes % 60).padStart(2, "0")} min`;
  return plural(Math.floor(hours / 24), "day");
}

/** "just now", "12 min ago", "today 09:00"; the whole time in UTC is in the title. */
export function ago(text, now = new Date()) {
  const date = parse(text);
  if (!date) return "never";
  const seconds = (now - date) / 1000;
  let words = moment(date, now);
  if (seconds >= 0 && seconds < 60) words = "just now";
  else if (seconds >= 60 && seconds < 3600) words = `${duration(seconds)} ago`;
  return h("time", { datetime: date.toISOString(), title: utc(date) }, words);
}

export const when = (text) => {
  const date = parse(text);
  return date ? h("time", { datetime: date.toISOString(), title: utc(date) }, moment(date)) : "–";
};

const utc = (date) => `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;

/** The number at the end of a record's address. */
export const idOf = (uri) => Number(/(\d+)\/$/.exec(uri || "")?.[1] || 0);
