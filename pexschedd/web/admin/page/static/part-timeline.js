/* The rooms of a day on a time line: when each may be joined. */

import { list } from "./api.js";
import { empty, h } from "./dom.js";
import { clock, idOf, longDay, parse, plural, sameDay, stamp } from "./format.js";

const HOUR = 3600000;
const MOST = 500;
const AT_ONCE = 100;

export const dayAt = (date, days = 0) => new Date(date.getFullYear(), date.getMonth(), date.getDate() + days);

/** The windows that touch a day, with the names of their rooms; `total` counts all of them. */
export async function windowsOf(date, signal) {
  const query = { start_time__lt: stamp(dayAt(date, 1)), end_time__gt: stamp(dayAt(date)), order_by: "start_time,end_time", limit: MOST };
  const meetings = await list("configuration/v1/scheduled_conference/", query, signal);
  const ids = [...new Set(meetings.map((each) => idOf(each.conference)))];
  const names = new Map();
  const portions = [];
  for (let from = 0; from < ids.length; from += AT_ONCE) portions.push(ids.slice(from, from + AT_ONCE));
  for (const portion of portions) {
    const found = await list("configuration/v1/conference/", { id__in: portion.join(","), limit: AT_ONCE }, signal);
    for (const room of found) names.set(room.id, room);
  }
  const windows = meetings.map((each) => {
    const room = names.get(idOf(each.conference));
    return {
      id: idOf(each.conference),
      name: room?.name || each.subject || "A room",
      alias: room?.aliases?.[0]?.alias || "",
      start: parse(each.start_time),
      end: parse(each.end_time),
      repeats: Boolean(each.recurring_conference),
    };
  });
  return Object.assign(windows, { total: meetings.total });
}

export const isOpen = (window, now = new Date()) => window.start <= now && now < window.end;

/** Whole hours around what there is to show, eight at least; the whole day at most. */
function range(windows, day) {
  const [begin, end] = [dayAt(day), dayAt(day, 1)];
  let from = Math.max(begin, Math.min(+begin + 8 * HOUR, ...windows.map((each) => each.start)));
  let to = Math.min(end, Math.max(+begin + 18 * HOUR, ...windows.map((each) => each.end)));
  const now = Date.now();
  if (begin <= now && now < end) [from, to] = [Math.min(from, now), Math.max(to, now)];
  from = +begin + Math.floor((from - begin) / HOUR) * HOUR;
  to = Math.min(end, +begin + Math.ceil((to - begin) / HOUR) * HOUR);
  return [from, to];
}

export function timeline(windows, day, now = new Date()) {
  if (!windows.length) return empty("video", "No rooms", `No meeting has a room on ${longDay(day)}.`);
  const [from, to] = range(windows, day);
  const share = (at) => `${Math.min(100, Math.max(0, ((at - from) / (to - from)) * 100))}%`;
  const hours = [];
  const step = to - from > 14 * HOUR ? 3 : 2;
  for (let at = from; at <= to; at += HOUR) {
    const mark = h("span", {}, (new Date(at).getHours() % step === 0) && h("b", {}, at === to && new Date(at).getHours() === 0 ? "24:00" : clock(new Date(at))));
    mark.style.insetInlineStart = share(at);
    hours.push(mark);
  }
  const isToday = sameDay(day, now) && from <= now && now <= to;
  const marker = () => {
    const line = h("i", { class: "now-line" });
    line.style.insetInlineStart = share(now);
    return line;
  };
  const rows = windows.map((each) => {
    const bar = h("i", { class: `window ${isOpen(each, now) ? "open" : each.end <= now ? "past" : "next"}` });
    bar.style.insetInlineStart = share(each.start);
    bar.style.width = `calc(${share(each.end)} - ${share(each.start)})`;
    return h("li", {},
      h("a", { href: `#/conferences/${each.id}`, class: "name", title: each.name }, each.name),
      h("span", { class: "times number" }, span(each, day), each.repeats && " ↻",
        h("span", { class: "unseen" }, each.repeats ? ", part of a series" : "", isOpen(each, now) ? ", open now" : "")),
      h("div", { class: "track", "aria-hidden": "true" }, bar, isToday && marker()));
  });
  return h("div", { class: "timeline" },
    h("div", { class: "hours", "aria-hidden": "true" }, h("div", {}, hours, isToday && marker())),
    h("ol", {}, rows),
    windows.total > windows.length && h("p", { class: "soft small more" }, `The first ${windows.length} of ${plural(windows.total, "meeting")} are shown.`));
}

function span(each, day) {
  const edge = (at) => (sameDay(at, day) ? clock(at) : `${at.toLocaleDateString("en-GB", { weekday: "short" })} ${clock(at)}`);
  return `${edge(each.start)} – ${edge(each.end)}`;
}
