/*
 * Outlook's side of the add-in: answers what office.js asks from inside the pane.
 *
 * Messages are {desk: 1, type, …}. The pane sends "hello", "call" {id, method, args} and
 * "close"; the page sends "welcome" {context}, "result" {id, value | error}, "event"
 * {name, data} and "network" {offline}. Taken only from the pane's own window and the add-in's origin.
 */

import { $, h } from "./dom.js";

const CLOSED = "about:blank";

class Failure extends Error {
  constructor(code, name, message) {
    super(message);
    this.failure = { code, name, message };
  }
}

export class OfficeHost {
  constructor(form, desk) {
    this.form = form;
    this.desk = desk;
    this.frame = null;
    this.origin = "";
    this.visit = 0;
    this.notices = new Map();
    this.mood = "well";
    this.offerMoods();
    window.addEventListener("message", (event) => this.receive(event));
  }

  /** Loads the pane. A pane that was open before is gone with all it was doing. */
  connect(frame, addin) {
    this.frame = frame;
    this.visit += 1;
    this.origin = addin.origin;
    frame.src = addin.pane;
  }

  /** What Outlook does to an add-in on a bad day, for who wants to see what the pane makes of it. */
  offerMoods() {
    $("mood").append(...Object.entries(MOODS).map(([value, { label }]) => h("option", { value }, label)));
    $("mood").addEventListener("change", () => this.changeMood($("mood").value));
  }

  /** A network goes and comes back beside an open pane; all else is seen by one that is opened. */
  async changeMood(name) {
    const before = MOODS[this.mood];
    const after = MOODS[name];
    this.mood = name;
    if (after.pasted) {
      await this.form.sheet;
      this.form.paste(after.pasted);
    }
    if (!this.frame) return;
    if (before.keepsPane && after.keepsPane) this.send({ type: "network", offline: Boolean(after.offline) });
    else this.connect(this.frame, this.desk.setup.addin);
  }

  disconnect() {
    if (this.frame) this.frame.src = CLOSED;
    this.frame = null;
    this.notices.clear();
  }

  notify(name, data) {
    this.send({ type: "event", name, data });
  }

  theme() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    return {
      bodyBackgroundColor: colour("--surface"),
      bodyForegroundColor: colour("--ink"),
      controlBackgroundColor: colour("--raised"),
      controlForegroundColor: colour("--ink"),
      isDarkTheme: document.documentElement.dataset.theme === "dark",
    };
  }

  // ---------------------------------------------------------------- messages

  send(message) {
    if (this.frame?.contentWindow) this.frame.contentWindow.postMessage({ desk: 1, ...message }, this.origin);
  }

  async receive(event) {
    const { frame, visit } = this;
    if (!frame || event.source !== frame.contentWindow || event.origin !== this.origin) return;
    const message = event.data;
    if (message?.desk !== 1) return;
    if (message.type === "hello" && !MOODS[this.mood].absent) this.send({ type: "welcome", context: this.context() });
    if (message.type === "close") this.form.hidePane();
    if (message.type !== "call") return;
    const answer = { type: "result", id: message.id };
    const mood = MOODS[this.mood];
    if (mood.silent) return;
    try {
      if (mood.slow) await new Promise((resume) => setTimeout(resume, SLOW));
      if (mood.fails?.[message.method]) throw mood.fails[message.method];
      const method = METHODS[message.method];
      if (!method) throw new Failure(9020, "InvalidOperation", `The demo desk does not know ${message.method}.`);
      await this.form.sheet;
      if (!mood.loses?.includes(message.method)) answer.value = await method.call(this, message.args || {});
    } catch (problem) {
      answer.error = problem.failure || { code: 9017, name: "InternalServerError", message: problem.message };
    }
    // The next pane counts its questions from one again: this is no answer to it.
    if (visit === this.visit) this.send(answer);
  }

  /** The series in Office's words; null for a single meeting. */
  recurrence() {
    const { repeats, times } = this.form.recurrence();
    if (!repeats) return null;
    const { start } = this.form.times();
    const days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    return {
      recurrenceType: repeats,
      recurrenceProperties: repeats === "daily" ? { interval: 1 } : { interval: 1, days: [days[start.getDay()]], firstDayOfWeek: "mon" },
      recurrenceTimeZone: { name: "UTC" },
      occurrences: times,
    };
  }

  context() {
    const { user } = this.desk;
    const { place, offline } = MOODS[this.mood];
    return {
      place,
      offline,
      displayLanguage: navigator.language,
      officeTheme: this.theme(),
      userProfile: {
        accountType: "enterprise",
        displayName: user.name,
        emailAddress: user.address,
        timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      },
    };
  }

  showNotices() {
    $("notices").replaceChildren(...[...this.notices.values()].map(({ type, message }) => h("p", { class: type }, message)));
  }
}

// ------------------------------------------------------------------ good and bad days

const SLOW = 2500;
const MOODS = {
  well: { label: "do as it is told", keepsPane: true },
  slow: { label: "be slow", slow: true },
  token: {
    label: "give no identity token",
    fails: { token: new Failure(9018, "GenericTokenError", "An internal error has occurred.") },
  },
  attendee: { label: "lose the attendee", loses: ["required.add", "required.set"] },
  text: {
    label: "refuse the text",
    fails: { "body.prepend": new Failure(9002, "InvalidFormatError", "There was an internal format error.") },
  },
  unreadable: {
    label: "keep the text from being read",
    fails: { "body.get": new Failure(9020, "GenericResponseError", "An internal error has occurred.") },
  },
  offline: { label: "have no network", offline: true, keepsPane: true },
  window: {
    label: "open no windows",
    fails: { "dialog.open": new Failure(12011, "BrowserPopupBlocked", "The browser blocks the dialog.") },
  },
  pasted: { label: "hold another meeting’s text", pasted: "PXPS:-00000000-0000-4000-8000-00000000d0e5#" },
  occurrence: { label: "open one meeting of a series", place: "occurrence" },
  reading: { label: "let the meeting only be read", place: "reading" },
  message: { label: "make the meeting from a message", place: "message" },
  old: { label: "be of 2012", place: "old" },
  browser: { label: "be just a browser", place: "browser" },
  silent: { label: "answer nothing", silent: true },
  absent: { label: "not be there", absent: true },
};

// ------------------------------------------------------------------ what can be asked

const METHODS = {
  "subject.get": () => $("subject").value,
  "subject.set": ({ value }) => { $("subject").value = value; },
  "location.get": () => $("location").value,
  "location.set": ({ value }) => { $("location").value = value; },
  "locations.get": () => places().map((id) => ({ locationIdentifier: { id, type: "custom" }, displayName: id, emailAddress: "" })),
  "locations.add": ({ value }) => setPlaces([...places(), ...value.map(({ id }) => id)]),
  "locations.remove": ({ value }) => setPlaces(places().filter((id) => !value.some((other) => other.id === id))),
  "organizer.get"() {
    const { user } = this.desk;
    return { displayName: user.name, emailAddress: user.address };
  },
  "recurrence.get"() { return this.recurrence(); },
  "start.get"() { return this.form.times().start; },
  "end.get"() { return this.form.times().end; },
  "start.set"({ value }) {
    const { length } = this.form;
    this.form.setTimes(value, new Date(value.getTime() + length));
  },
  "end.set"({ value }) { this.form.setTimes(this.form.times().start, value); },
  token() { return this.desk.token(); },
  "dialog.open": () => true,
  "body.type": () => "html",
  "body.get"({ type }) { return type === "html" ? this.form.html() : this.form.page.body.innerText; },
  "body.set"({ data, type }) {
    this.form.page.body.replaceChildren(fragment(this.form.page, data, type));
    this.form.coach();
  },
  "body.prepend"({ data, type }) {
    this.form.page.body.prepend(fragment(this.form.page, data, type));
    this.form.coach();
  },
  "body.select"({ data, type }) {
    const { page } = this.form;
    const selection = page.getSelection();
    const piece = fragment(page, data, type);
    if (!selection.rangeCount) return page.body.prepend(piece);
    const range = selection.getRangeAt(0);
    range.deleteContents();
    return range.insertNode(piece);
  },
  "properties.load"() { return this.form.properties; },
  "properties.save"({ values }) { this.form.properties = values; },
  "notice.add"({ key, type, message }) {
    if (!this.notices.has(key) && this.notices.size === 5) {
      throw new Failure(9017, "InternalServerError", "There are five notifications already.");
    }
    this.notices.set(key, { key, type, message });
    this.showNotices();
  },
  "notice.remove"({ key }) {
    this.notices.delete(key);
    this.showNotices();
  },
  "notice.list"() { return [...this.notices.values()]; },
};

for (const role of ["required", "optional"]) {
  METHODS[`${role}.get`] = function get() {
    return this.form[role].get().map(({ name, address }) => ({
      displayName: name, emailAddress: address, recipientType: "user", appointmentResponse: "none",
    }));
  };
  METHODS[`${role}.set`] = function set({ value }) {
    this.form[role].set(value.map(party));
    this.form.recipientsChanged();
  };
  METHODS[`${role}.add`] = function add({ value }) { this.form[role].add(value.map(party)); };
}

const party = ({ displayName, emailAddress }) => ({ name: displayName, address: emailAddress });

const places = () => $("location").value.split(";").map((text) => text.trim()).filter(Boolean);

function setPlaces(texts) {
  $("location").value = [...new Set(texts)].join("; ").slice(0, 255);
}

/** HTML or text as nodes of the page that is written on. */
function fragment(page, data, type) {
  if (type === "html") {
    // The parser of that page: its policy allows the styles of mail, this one's does not.
    const parsed = new page.defaultView.DOMParser().parseFromString(data, "text/html");
    const piece = page.createDocumentFragment();
    piece.append(...[...parsed.body.childNodes].map((node) => page.importNode(node, true)));
    return piece;
  }
  const piece = page.createElement("div");
  piece.innerText = data;
  return piece;
}
