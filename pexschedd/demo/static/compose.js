/* The window in which a meeting is written: the part of Outlook that add-ins work with. */

import { $, h, icon, time, toast } from "./dom.js";
import { OfficeHost } from "./host.js";
import { PeopleField } from "./people.js";

export class Compose {
  constructor(desk, steps) {
    this.desk = desk;
    this.steps = steps;
    this.dialog = $("compose");
    this.uid = "";
    this.given = ""; // the fields as they were opened
    this.blank = null; // the text as it was opened, once it is on the sheet
    this.sheet = Promise.resolve();
    this.properties = {};
    const changed = () => { this.recipientsChanged(); };
    const field = (id, label) => new PeopleField($(id), {
      id: `${id}-input`, label, changed, book: () => this.book(), isRoom: (address) => this.isRoom(address),
    });
    this.required = field("required", "People to require");
    this.optional = field("optional", "People to invite as optional");
    this.host = new OfficeHost(this, desk);
    this.furnish();
    this.listen();
  }

  // ---------------------------------------------------------------- opening, closing

  create(start) {
    const from = start || nextSlot(this.desk.now());
    return this.open("New meeting", {
      uid: "", subject: "", start: from, end: new Date(from.getTime() + (start ? 30 : 60) * 60000), location: "",
      required: [], optional: [], body: "", repeats: "", times: 6,
    });
  }

  edit({ meeting, body }) {
    const role = (wanted) => meeting.guests.filter((guest) => (guest.role === "optional") === wanted);
    return this.open("Meeting", {
      uid: meeting.uid, subject: meeting.subject, start: new Date(meeting.start), end: new Date(meeting.end),
      repeats: meeting.repeats, times: meeting.times, location: meeting.location, required: role(false), optional: role(true), body,
    });
  }

  async open(title, draft) {
    this.uid = draft.uid;
    this.properties = {};
    $("compose-title").textContent = title;
    $("send").lastChild.textContent = draft.uid ? "Send update" : "Send";
    $("send").disabled = false;
    $("subject").value = draft.subject;
    $("location").value = draft.location;
    $("repeats").value = draft.repeats;
    $("times").value = String(Math.max(2, draft.times));
    this.showTimes();
    this.required.set(draft.required);
    this.optional.set(draft.optional);
    this.showRooms();
    this.setTimes(draft.start, draft.end);
    this.hidePane();
    $("confirm").hidden = true;
    $("notices").replaceChildren();
    // Somebody may begin to write before the sheet is there, and must neither lose that
    // unasked nor be moved to another field in the middle of a word.
    this.given = JSON.stringify(this.fields());
    this.blank = null;
    this.dialog.showModal();
    $("subject").focus();
    this.sheet = this.layPaper(draft.body);
    await this.sheet;
    this.blank = this.html();
    this.coach();
  }

  close() {
    this.hidePane();
    this.dialog.close();
    // A room that is thrown away with its meeting was not the first of three steps.
    if (this.steps.next === "send") this.steps.undo("room");
  }

  tryClose() {
    if (!this.changed()) this.close();
    else {
      $("confirm").hidden = false;
      $("confirm-yes").focus();
    }
  }

  keepEditing() {
    $("confirm").hidden = true;
    $("subject").focus();
  }

  async send() {
    // The keys can be pressed again while it is being sent; the button cannot.
    if ($("send").disabled) return;
    if (!this.required.commit() || !this.optional.commit()) {
      $("compose-form").reportValidity();
      return;
    }
    const { start, end } = this.times();
    if (!start || !end || end <= start) {
      toast("The end has to be after the start.", "bad");
      return;
    }
    const { uid, sheet } = this;
    // Every opening has a sheet of its own. By now the form may be that of another meeting.
    const open = () => this.dialog.open && this.sheet === sheet;
    $("send").disabled = true;
    // What is written so far is on the sheet: without it the update would empty the meeting.
    await sheet;
    if (!open()) return;
    const withRoom = this.hasRoom();
    const personal = this.hasOwnRoom();
    const elsewhere = this.hasInvitation();
    try {
      await this.desk.save({
        uid,
        subject: $("subject").value,
        location: $("location").value,
        ...this.recurrence(),
        start: start.toISOString(),
        end: end.toISOString(),
        required: this.required.get(),
        optional: this.optional.get(),
        body: this.html(),
      });
      if (withRoom) {
        this.steps.finish("room");
        this.steps.finish("send");
      }
      if (open()) this.close();
      const sent = uid ? "The update has been sent" : "Sent";
      toast(withRoom || personal || elsewhere ? `${sent}.` : `${sent}, without a video room.`);
    } catch (problem) {
      toast(problem.message, "bad");
      if (open()) $("send").disabled = false;
    }
  }

  // ---------------------------------------------------------------- what is written

  times() {
    const at = (clock) => new Date(`${$("date").value}T${clock}`);
    const start = at($("start").value);
    const end = at($("end").value);
    if (Number.isNaN(start.getTime()) || Number.isNaN(end.getTime())) return { start: null, end: null };
    end.setDate(end.getDate() + (this.nights || 0));
    return { start, end };
  }

  setTimes(start, end) {
    const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());
    // A meeting may go on past midnight; the form shows one date.
    this.nights = Math.round((midnight(end) - midnight(start)) / 86400000);
    const pad = (number) => String(number).padStart(2, "0");
    $("date").value = `${start.getFullYear()}-${pad(start.getMonth() + 1)}-${pad(start.getDate())}`;
    $("start").value = time(start);
    $("end").value = time(end);
    this.length = end - start;
    this.showDuration();
  }

  /** A new start moves the end along, as in Outlook. */
  startMoved() {
    const { start } = this.times();
    if (start) this.setTimes(start, new Date(start.getTime() + (this.length > 0 ? this.length : 1800000)));
    this.host.notify("olkAppointmentTimeChanged", this.times());
  }

  endMoved() {
    this.nights = 0;
    const { start, end } = this.times();
    if (start && end) this.length = end - start;
    this.showDuration();
    this.host.notify("olkAppointmentTimeChanged", this.times());
  }

  recurrence() {
    const repeats = $("repeats").value;
    return repeats ? { repeats, times: Number($("times").value) } : {};
  }

  showTimes() {
    $("times-label").hidden = !$("repeats").value;
  }

  showDuration() {
    const { start, end } = this.times();
    const minutes = start && end ? Math.round((end - start) / 60000) : 0;
    const hours = Math.floor(minutes / 60);
    const rest = minutes % 60;
    $("duration").classList.toggle("bad", minutes <= 0);
    $("duration").textContent = minutes > 0
      ? [hours && `${hours} h`, rest && `${rest} min`].filter(Boolean).join(" ")
      : "ends before it starts";
  }

  /** The document in which the body is written. It runs no scripts. */
  get page() {
    return $("paper").contentDocument;
  }

  /** Settles when the body can be written; never, if there is nobody to fetch the sheet from. */
  layPaper(html) {
    // Until it is there, nobody reads or writes on the sheet before.
    this.page?.body?.replaceWith(this.page.createElement("body"));
    return new Promise((resume) => {
      $("paper").onload = () => {
        if (!this.page) {
          this.close();
          toast("The desk’s own server does not answer. Is the demo still running?", "bad");
          return;
        }
        const source = new this.page.defaultView.DOMParser().parseFromString(html, "text/html");
        for (const style of source.querySelectorAll("head style")) this.page.head.append(this.page.importNode(style, true));
        this.page.body.append(...[...source.body.childNodes].map((node) => this.page.importNode(node, true)));
        this.page.body.contentEditable = "true";
        this.page.body.setAttribute("aria-label", "Message body");
        this.page.addEventListener("keydown", (event) => this.shortcut(event));
        resume();
      };
      $("paper").src = "/desk/paper";
    });
  }

  /** What somebody has copied from another meeting, with its tag, in the place of any tag here. */
  paste(tag) {
    const { page } = this;
    const own = /PXPS:-[0-9a-f-]{36}#/gi;
    if (own.test(page.body.innerHTML)) {
      page.body.innerHTML = page.body.innerHTML.replace(own, tag);
    } else {
      const block = page.createElement("div");
      block.append(...["Join the video room", "By telephone: +44 20 7946 0123", tag].map((line) => {
        const piece = page.createElement("p");
        piece.textContent = line;
        return piece;
      }));
      page.body.prepend(block);
    }
    this.coach();
  }

  html() {
    return `<html><body>${this.page.body.innerHTML}</body></html>`;
  }

  fields() {
    return [$("subject").value, $("location").value, this.times(), this.recurrence(), this.required.get(), this.optional.get()];
  }

  changed() {
    return JSON.stringify(this.fields()) !== this.given || (this.blank !== null && this.html() !== this.blank);
  }

  // ---------------------------------------------------------------- the add-in

  book() {
    const { users, addin } = this.desk.setup;
    const people = [...users, ...this.desk.setup.rooms, { name: "Room 1", address: "room1@example.test" }];
    if (addin) people.push({ name: addin.room_name, address: addin.room_address });
    return people.filter((person) => person.address !== this.desk.user.address);
  }

  isRoom(address) {
    return address.toLowerCase() === this.desk.setup.addin?.room_address.toLowerCase();
  }

  /** The video room’s mailbox alone gets no room: it wants the tag that the add-in writes first. */
  hasRoom() {
    return [...this.required.people, ...this.optional.people].some((person) => this.isRoom(person.address))
      && /\b(PXPS|TOK):-/.test(this.page?.body?.textContent || "");
  }

  /** A room of somebody's own needs no attendee: its link is all. */
  hasOwnRoom() {
    return Boolean(this.page?.body?.querySelector('a[href*="/desk/join?room="]'));
  }

  /** The invitation of another service, below a line that says whose it is. */
  hasInvitation() {
    return Boolean(this.page?.body?.querySelector("[data-invitation]"));
  }

  /** Puts an invitation in front of what is written, in the place of another one. */
  async invite(service) {
    const { sheet } = this;
    await sheet;
    if (this.sheet !== sheet) return;
    const { page } = this;
    const { html } = this.desk.setup.invitations.find((each) => each.service === service);
    const source = new page.defaultView.DOMParser().parseFromString(html, "text/html");
    const block = page.createElement("div");
    block.dataset.invitation = service;
    block.append(...[...source.body.childNodes].map((node) => page.importNode(node, true)));
    page.querySelector("[data-invitation]")?.remove();
    page.body.prepend(block);
    this.coach();
  }

  /** Meeting rooms are invited by a press, which fills in the place as well. */
  toggleRoom(room) {
    const others = this.desk.setup.rooms.filter((each) => this.invited(each) && each !== room);
    if (this.invited(room)) {
      this.required.remove(room);
      this.optional.remove(room);
    } else {
      this.required.add([room]);
      others.push(room);
    }
    const names = this.desk.setup.rooms.map((each) => each.name);
    const place = $("location").value.split(";").map((part) => part.trim()).filter((part) => part && !names.includes(part));
    $("location").value = [...place, ...others.map((each) => each.name)].join("; ");
  }

  invited(room) {
    return [...this.required.people, ...this.optional.people].some((person) => person.address === room.address);
  }

  showRooms() {
    const { rooms = [] } = this.desk.setup;
    const pressed = document.activeElement?.closest?.("#rooms button")?.dataset.room;
    $("rooms").replaceChildren(...rooms.map((room) => h("button", {
      type: "button",
      "data-room": room.address,
      "aria-pressed": String(this.invited(room)),
      title: `Invite the meeting room ${room.name}`,
      onclick: () => this.toggleRoom(room),
    }, icon("place", 14), room.name)));
    if (pressed) $("rooms").querySelector(`[data-room="${pressed}"]`)?.focus();
  }

  recipientsChanged() {
    this.coach();
    this.showRooms();
    this.host.notify("olkRecipientsChanged", {
      changedRecipientFields: { requiredAttendees: true, optionalAttendees: true, resources: false },
    });
  }

  /** The add-in's name, icon and button, as its manifest has them. */
  equip() {
    const { addin, invitations } = this.desk.setup;
    const [first] = $("invitation").options;
    $("invitation").replaceChildren(first, ...invitations.map(({ service }) => h("option", {}, service)));
    const button = $("addin-button");
    button.disabled = !addin;
    if (!addin) {
      button.replaceChildren(icon("video", 24), h("span", {}, "Add-in not available"));
      return;
    }
    button.replaceChildren(h("img", { src: addin.icon, alt: "", width: 24, height: 24 }), h("span", {}, addin.button));
    button.title = `${addin.supertip_title}\n\n${addin.supertip_text}`;
    $("addin-group").textContent = addin.group;
    $("pane-icon").src = addin.icon;
    $("pane-title").textContent = addin.name;
    $("pane-frame").title = addin.name;
  }

  togglePane() {
    if ($("pane").hidden) this.showPane();
    else this.hidePane();
  }

  showPane() {
    $("pane").hidden = false;
    $("addin-button").setAttribute("aria-expanded", "true");
    this.host.connect($("pane-frame"), this.desk.setup.addin);
    this.coach();
  }

  hidePane() {
    $("pane").hidden = true;
    $("addin-button").setAttribute("aria-expanded", "false");
    this.host.disconnect();
    this.coach();
  }

  dress() {
    this.host?.notify("olkOfficeThemeChanged", { officeTheme: this.host.theme() });
  }

  coach() {
    const room = this.hasRoom();
    if (room && this.dialog.open) this.steps.finish("room");
    const open = !$("pane").hidden;
    const first = this.steps.next === "room" && !this.steps.hidden && !this.hasOwnRoom() && !this.hasInvitation();
    $("addin-button").classList.toggle("here", !room && !open && first);
    let text = "";
    if (room && !this.uid && this.steps.next !== "watch") text = "The video room is added. Now press Send.";
    else if (!room && first) text = open ? "Add the video room in the pane." : `Start here: press ${this.desk.setup.addin?.button || "the add-in’s button"}.`;
    $("coach").classList.toggle("good", room);
    $("coach").firstElementChild.textContent = this.steps.hidden ? "" : text;
  }

  // ---------------------------------------------------------------- the form itself

  furnish() {
    $("compose-close").append(icon("close"));
    $("pane-close").append(icon("close", 18));
    $("pane-back").prepend(icon("left", 18));
    $("send").append(icon("send", 22), h("span", {}, "Send"));
    $("discard").append(icon("trash", 22), h("span", {}, "Discard"));
  }

  listen() {
    $("compose-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    this.dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.tryClose();
    });
    this.dialog.addEventListener("keydown", (event) => this.shortcut(event));
    $("compose-close").addEventListener("click", () => this.tryClose());
    $("discard").addEventListener("click", () => this.tryClose());
    $("confirm-yes").addEventListener("click", () => this.close());
    $("confirm-no").addEventListener("click", () => this.keepEditing());
    $("addin-button").addEventListener("click", () => this.togglePane());
    $("pane-close").addEventListener("click", () => this.hidePane());
    $("invitation").addEventListener("change", () => {
      const service = $("invitation").value;
      $("invitation").value = "";
      if (service) this.invite(service);
    });
    $("pane-back").addEventListener("click", () => {
      this.hidePane();
      $("addin-button").focus();
    });
    for (const id of ["date", "start"]) $(id).addEventListener("change", () => this.startMoved());
    $("end").addEventListener("change", () => this.endMoved());
    $("repeats").addEventListener("change", () => {
      this.showTimes();
      this.host.notify("olkRecurrenceChanged", { recurrence: this.host.recurrence() });
    });
    for (const id of ["subject", "location", "date", "start", "end"]) {
      // Enter in a field must not send the meeting by accident.
      $(id).addEventListener("keydown", (event) => event.key === "Enter" && !event.ctrlKey && event.preventDefault());
    }
  }

  shortcut(event) {
    if (event.key === "Escape") {
      // Left to itself the browser closes a dialog at the second Escape, whatever is said.
      event.preventDefault();
      if ($("confirm").hidden) this.tryClose();
      else this.keepEditing();
    }
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    this.send();
  }
}

/** The next time somebody would meet: in office hours, and with the room still closed. */
function nextSlot(now) {
  const slot = new Date(now);
  slot.setHours(slot.getHours() + 2, 0, 0, 0);
  const tomorrow = slot.getDate() !== now.getDate();
  if (tomorrow || slot.getHours() > 17) {
    if (!tomorrow) slot.setDate(slot.getDate() + 1);
    slot.setHours(10);
  } else if (slot.getHours() < 9) {
    slot.setHours(10);
  }
  while (slot.getDay() === 0 || slot.getDay() === 6) slot.setDate(slot.getDate() + 1);
  return slot;
}
