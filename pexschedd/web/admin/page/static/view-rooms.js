/* The rooms of a day. */

import { button, empty, h, head, show } from "./dom.js";
import { longDay, plural, sameDay } from "./format.js";
import { dayAt, isOpen, timeline, windowsOf } from "./part-timeline.js";

const path = (date) => `/rooms/${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, "0")}-${String(date.getDate()).padStart(2, "0")}`;

async function open(view) {
  const now = new Date();
  const [year, month, number] = (view.match[1] || "").split("-").map(Number);
  const day = year ? new Date(year, month - 1, number) : dayAt(now);
  const title = sameDay(day, now) ? "Today’s rooms" : `Rooms on ${longDay(day)}`;
  view.title(title);
  const go = (date) => {
    location.hash = sameDay(date, new Date()) ? "/rooms" : path(date);
  };
  const count = h("p", { class: "soft" });
  const region = h("div", { class: "body" });
  let windows = [];
  const filter = h("input", { type: "checkbox", id: "only-open", onchange: () => draw() });
  const draw = () => {
    const open = windows.filter((each) => isOpen(each)).length;
    count.textContent = [sameDay(day, now) && longDay(day), plural(windows.total || 0, "meeting"), sameDay(day, now) && `${open} open now`].filter(Boolean).join(" · ");
    const shown = filter.checked ? Object.assign(windows.filter((each) => each.end > new Date()), { total: 0 }) : windows;
    show(region, filter.checked && !shown.length && windows.length ? empty("video", "No room is open or will be", "All meetings of the day are over.") : timeline(shown, day));
  };
  await view.every(60000, async () => {
    windows = await windowsOf(day, view.signal);
    draw();
  });
  const heading = head(title, {
    actions: [
      button("", () => go(dayAt(day, -1)), { kind: "icon-button", sign: "left", "aria-label": "The day before" }),
      button("Today", () => go(dayAt(new Date()))),
      button("", () => go(dayAt(day, 1)), { kind: "icon-button", sign: "right", "aria-label": "The day after" }),
    ],
  });
  heading.firstChild.append(count);
  if (sameDay(day, now)) {
    heading.lastChild.prepend(h("label", { class: "track-filter", for: "only-open" }, filter, "Only open and to come"));
  }
  view.root.replaceChildren(heading, h("section", { class: "card", "aria-label": title }, region));
}

export { open as show };
