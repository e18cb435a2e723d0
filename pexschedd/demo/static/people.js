/* A line of attendees: chips, and suggestions from the address book while typing. */

import { h, icon, initials } from "./dom.js";

const ADDRESS = /^[^@\s<>"]+@[^@\s<>"]+$/;
let serial = 0;

export class PeopleField {
  /** `book()` gives the people that may be suggested; `changed()` is called after changes. */
  constructor(element, { id, label, book, isRoom, changed }) {
    Object.assign(this, { element, book, isRoom, changed });
    this.people = [];
    this.chosen = 0;
    serial += 1;
    this.list = h("ul", { class: "suggestions", role: "listbox", id: `suggestions-${serial}`, "aria-label": label, hidden: true });
    this.input = h("input", {
      id, role: "combobox", "aria-expanded": "false", "aria-controls": this.list.id, "aria-autocomplete": "list",
    });
    this.input.addEventListener("input", () => this.suggest());
    this.input.addEventListener("focus", () => this.suggest());
    this.input.addEventListener("blur", () => this.commit());
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.chips = h("div", { class: "chips" }, this.input);
    element.append(this.chips, this.list);
  }

  get() {
    return this.people.map((person) => ({ ...person }));
  }

  set(people) {
    this.people = people.map((person) => ({ name: person.name || person.address, address: person.address }));
    this.render();
  }

  /** Adds who is not there yet. */
  add(people) {
    for (const person of people) {
      const known = this.people.some((other) => same(other, person));
      if (!known) this.people.push({ name: person.name || person.address, address: person.address });
    }
    this.render();
    this.changed();
  }

  remove(person) {
    this.people = this.people.filter((other) => !same(other, person));
    this.render();
    this.changed();
  }

  /** Takes over what is typed. False if it is not an address. */
  commit() {
    const text = this.input.value.trim().replace(/[;,]$/, "").trim();
    this.hide();
    if (!text) return true;
    const known = this.book().find((person) => text.toLowerCase() === person.name.toLowerCase());
    if (!known && !ADDRESS.test(text)) {
      this.input.setCustomValidity("This is not a mail address.");
      return false;
    }
    this.input.value = "";
    this.input.setCustomValidity("");
    this.add([known || { name: text, address: text }]);
    return true;
  }

  render() {
    const chips = this.people.map((person) => {
      const room = this.isRoom(person.address);
      return h("span", { class: `chip${room ? " room" : ""}`, title: person.address, "data-address": person.address },
        h("span", { class: `avatar${room ? " room" : ""}`, "aria-hidden": "true" }, room ? icon("video", 14) : initials(person.name)),
        h("span", {}, person.name),
        h("button", { type: "button", "aria-label": `Remove ${person.name}`, onclick: () => { this.remove(person); this.input.focus(); } },
          icon("close", 14)));
    });
    this.chips.replaceChildren(...chips, this.input);
    this.chips.scrollTop = this.chips.scrollHeight;
  }

  // ---------------------------------------------------------------- suggestions

  suggest() {
    this.input.setCustomValidity("");
    const text = this.input.value.trim().toLowerCase();
    this.found = this.book().filter((person) =>
      !this.people.some((other) => same(other, person)) &&
      (person.name.toLowerCase().includes(text) || person.address.startsWith(text)));
    this.chosen = text ? 0 : -1;
    this.list.replaceChildren(...this.found.map((person, index) => h("li", {
      role: "option",
      "aria-selected": String(index === this.chosen),
      // The field must not lose the focus before the click counts.
      onmousedown: (event) => { event.preventDefault(); this.take(person); },
    }, h("span", { class: "avatar", "aria-hidden": "true" }, initials(person.name)),
    h("span", {}, person.name, h("small", {}, person.address)))));
    this.open(this.found.length > 0);
  }

  take(person) {
    this.input.value = "";
    this.hide();
    this.add([person]);
    this.input.focus();
    this.hide();
  }

  key(event) {
    const open = !this.list.hidden;
    if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.chosen = (this.chosen + step + this.found.length) % this.found.length;
      [...this.list.children].forEach((item, index) => item.setAttribute("aria-selected", String(index === this.chosen)));
    } else if (open && event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      this.hide();
    } else if (event.key === "Enter" && !event.ctrlKey) {
      event.preventDefault();
      if (open && this.chosen >= 0) this.take(this.found[this.chosen]);
      else this.commit();
    } else if (event.key === "," || event.key === ";") {
      event.preventDefault();
      this.commit();
    } else if (event.key === "Backspace" && !this.input.value && this.people.length) {
      this.remove(this.people[this.people.length - 1]);
      this.input.focus();
    }
  }

  open(visible) {
    this.list.hidden = !visible;
    this.input.setAttribute("aria-expanded", String(visible));
  }

  hide() {
    this.open(false);
  }
}

const same = (one, other) => one.address.toLowerCase() === other.address.toLowerCase();
