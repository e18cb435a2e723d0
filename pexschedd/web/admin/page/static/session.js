/* Who is signed in, for how long, and what they may do. A reload signs out. */

import { ask, forgetCredentials, onRefusal, useCredentials } from "./api.js";
import { $, button, h, icon, notice } from "./dom.js";
import { duration } from "./format.js";

const IDLE_MS = 15 * 60 * 1000;

export const session = { name: "", role: "", reads: new Set(), changes: new Set() };

export const mayRead = (subject) => session.reads.has(subject);
export const mayChange = (subject) => session.changes.has(subject);

async function enter(name, password) {
  useCredentials(name, password);
  try {
    const me = await (await ask("GET", "status/v1/principal/1/", { once: true })).json();
    Object.assign(session, { name: me.name, role: me.role_name, reads: new Set(me.reads), changes: new Set(me.changes) });
  } catch (problem) {
    forgetCredentials();
    throw problem;
  }
}

function wordsFor(problem) {
  if (problem.status === 401) return "The name or the password is wrong.";
  if (problem.status === 429) return `Too many failed sign-ins. Try again in ${duration(problem.retryAfter || 60)}.`;
  return problem.message;
}

/** A form for name and password; `done` is called when they were right. */
function signInForm(name, done, actions) {
  const trouble = h("div", { role: "alert" });
  const input = (label, id, props) => {
    const made = h("input", { id, required: true, spellcheck: "false", autocapitalize: "off", ...props });
    return [made, h("div", { class: "field" }, h("label", { for: id }, label), made)];
  };
  const [who, whoField] = input("Name", `name-${done.name}`, { autocomplete: "username", maxlength: 250, readonly: name !== "" });
  const [secret, secretField] = input("Password", `password-${done.name}`, { type: "password", autocomplete: "current-password", maxlength: 1024 });
  who.value = name;
  const submit = h("button", { type: "submit", class: "primary" }, "Sign in");
  let working = false;
  const form = h("form", {
    novalidate: true,
    onsubmit: async (event) => {
      event.preventDefault();
      if (working) return;
      trouble.replaceChildren();
      const missing = [who, secret].find((each) => !each.value);
      if (missing) {
        trouble.replaceChildren(notice("bad", "alarm", missing === who ? "Enter your name." : "Enter your password."));
        missing.focus();
        return;
      }
      working = true;
      submit.setAttribute("aria-disabled", "true");
      try {
        await enter(who.value, secret.value);
        secret.value = "";
        done();
      } catch (problem) {
        trouble.replaceChildren(notice("bad", "alarm", wordsFor(problem)));
        secret.select();
        secret.focus();
      } finally {
        working = false;
        submit.removeAttribute("aria-disabled");
      }
    },
  }, trouble, whoField, secretField, h("div", { class: "actions" }, submit, actions));
  return { form, first: name ? secret : who };
}

/** The view of a person who is not signed in. */
export function signInView(root, reason, done) {
  const { form, first } = signInForm("", function page() { done(); });
  root.replaceChildren(
    h("section", { class: "card sign-in" },
      h("img", { src: document.querySelector(".brand img").src, alt: "", width: 40, height: 40 }),
      h("h1", { tabindex: "-1" }, "Sign in"),
      h("p", { class: "soft" }, "As an administrator of this installation."),
      reason && notice("", "info", reason),
      form,
      h("p", { class: "small soft" },
        "The first administrator is ", h("code", {}, "admin"), "; the file ", h("code", {}, "initial-admin-password"),
        " in the state folder has the password. A new one: ", h("code", {}, "pexschedd-password"), ".")));
  first.focus();
}

/** Ends the dialog without a sign-in. */
let giveUp = () => {};

/** Opens a dialog over what is being done; settles when the person has signed in again. */
function again(leave) {
  return new Promise((resolve, reject) => {
    const dialog = $("again");
    const close = () => {
      giveUp = () => {};
      dialog.close();
      dialog.replaceChildren();
    };
    const finish = () => {
      close();
      resolve();
    };
    const cancel = () => leave("");
    giveUp = () => {
      close();
      reject(new DOMException("signed out", "AbortError"));
    };
    const { form, first } = signInForm(session.name, function dialogue() { finish(); },
      button("Sign out", cancel));
    dialog.replaceChildren(
      h("h2", { id: "again-title" }, "Sign in again"),
      h("p", { class: "soft" }, "The server does not take your sign-in any more: your password or your account may have been changed. What you have entered is still here."),
      form);
    dialog.oncancel = (event) => {
      event.preventDefault();
      cancel();
    };
    dialog.showModal();
    first.focus();
  });
}

let timer = 0;

function stir(leave) {
  clearTimeout(timer);
  if (session.name) timer = setTimeout(() => leave("You were signed out after 15 minutes without activity."), IDLE_MS);
}

/** `leave(reason)` is called when the person is not signed in any more. */
export function watchSession(leave) {
  onRefusal(() => again(leave));
  for (const event of ["pointerdown", "keydown", "wheel", "touchstart"]) {
    addEventListener(event, () => stir(leave), { passive: true });
  }
}

export function begun(leave) {
  stir(leave);
}

export function signOut() {
  clearTimeout(timer);
  forgetCredentials();
  Object.assign(session, { name: "", role: "", reads: new Set(), changes: new Set() });
  giveUp();
}

export const signOutButton = (leave) =>
  h("button", { type: "button", class: "icon-button", "aria-label": "Sign out", title: "Sign out", onclick: () => leave("") }, icon("out"));
