/* The inbox: requests, answers and cancellations, newest first. */

import { $, h, icon, initials, sameDay, day, time, toast } from "./dom.js";

const LIMIT = 30;

export class Inbox {
  constructor(desk) {
    this.desk = desk;
    this.opened = null;
    this.forget();
  }

  /** Somebody else sits here now. */
  forget() {
    this.drawn = "";
    this.known = null;
    this.opened = null;
  }

  render() {
    const { desk } = this;
    const unread = desk.inbox.filter((mail) => mail.unread).length;
    $("unread").hidden = unread === 0;
    $("unread").textContent = String(unread);
    $("unread").setAttribute("aria-label", `${unread} unread`);
    const key = JSON.stringify([desk.inbox, this.opened, desk.now().toDateString()]);
    if (key === this.drawn) return;
    this.drawn = key;
    if (!desk.inbox.length) {
      $("inbox").replaceChildren(h("div", { class: "empty" },
        h("b", {}, "Nothing here yet"), "What the video room answers arrives here."));
      return;
    }
    const focused = document.activeElement?.closest?.(".mail")?.dataset.id;
    const act = document.activeElement?.dataset?.act;
    // Lines that stay are kept, so that a message being read is not loaded again.
    const before = new Map([...$("inbox").querySelectorAll(".mail")].map((line) => [line.dataset.key, line]));
    const lines = desk.inbox.slice(0, LIMIT).map((mail) => {
      const own = JSON.stringify([mail, mail.id === this.opened, this.when(mail)]);
      return before.get(own) || this.line(mail, own);
    });
    arrange($("inbox"), lines);
    if (!focused || document.activeElement.closest(".mail")) return;
    const line = $("inbox").querySelector(`[data-id="${CSS.escape(focused)}"]`);
    (line?.querySelector(`[data-act="${act}"]`) || line?.querySelector("button"))?.focus();
  }

  /** Tells of what has come since the server answered last. */
  announce() {
    const ids = this.desk.inbox.map((mail) => mail.id);
    if (this.known) {
      for (const mail of this.desk.inbox) {
        if (!this.known.has(mail.id)) toast(`${mail.sender.name}: ${mail.subject}`);
      }
    }
    this.known = new Set(ids);
  }

  line(mail, key) {
    const open = mail.id === this.opened;
    return h("div", {
      class: `mail${mail.unread ? " unread" : ""}${open ? " expanded" : ""}`,
      "data-id": mail.id,
      "data-key": key,
      "data-kind": mail.kind,
    },
    h("button", { type: "button", "aria-expanded": String(open), onclick: () => this.toggle(mail) },
      h("span", { class: `avatar${mail.from_room ? " room" : ""}`, "aria-hidden": "true" },
        mail.from_room ? icon("video", 16) : initials(mail.sender.name)),
      h("span", { class: "from" }, mail.sender.name),
      h("time", { datetime: mail.received }, this.when(mail)),
      h("span", { class: "subject" }, mail.subject || "(no subject)"),
      h("span", { class: "preview" }, mail.preview || " ")),
    open && this.body(mail));
  }

  /** When it came, seen from the desk's clock, which is moved. */
  when(mail) {
    const received = new Date(mail.received);
    const now = this.desk.now();
    const yesterday = new Date(now);
    yesterday.setDate(now.getDate() - 1);
    if (sameDay(received, now)) return time(received);
    return sameDay(received, yesterday) ? `yesterday ${time(received)}` : day(received);
  }

  body(mail) {
    const { desk } = this;
    const query = new URLSearchParams({ user: desk.user.address, id: mail.id });
    const frame = h("iframe", {
      title: `Message: ${mail.subject}`,
      // Links open beside the desk, as Outlook's do.
      sandbox: "allow-same-origin allow-popups allow-popups-to-escape-sandbox",
      src: `/desk/message?${query}`,
    });
    frame.addEventListener("load", () => {
      const height = frame.contentDocument?.documentElement.scrollHeight || 90;
      frame.style.height = `${Math.min(Math.max(height, 60), 320) + 2}px`;
    });
    const known = mail.uid && desk.meeting(mail.uid);
    return h("div", { class: "open" }, frame, h("div", { class: "answer" },
      mail.answerable && h("button", { type: "button", class: "primary", "data-act": "accept", onclick: () => desk.respond(mail.id, "Accept") }, "Accept"),
      mail.answerable && h("button", { type: "button", "data-act": "maybe", onclick: () => desk.respond(mail.id, "Tentative") }, "Maybe"),
      mail.answerable && h("button", { type: "button", "data-act": "decline", onclick: () => desk.respond(mail.id, "Decline") }, "Decline"),
      known && h("button", { type: "button", class: "link", "data-act": "show", onclick: () => desk.select(mail.uid) }, "Show the meeting")));
  }

  toggle(mail) {
    this.opened = this.opened === mail.id ? null : mail.id;
    this.render();
    if (this.opened && mail.unread) this.desk.read(mail.id);
  }
}

/** Makes these the children. Those that stay are not moved: a frame that is moved loads again. */
function arrange(parent, children) {
  for (const child of [...parent.children]) if (!children.includes(child)) child.remove();
  children.forEach((child, index) => {
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] || null);
  });
}
