/* A form that makes an integration, with the doctor's verdict beside each field. */

import { get, post, Problem, randomKey } from "./api.js";
import { button, h, head, notice } from "./dom.js";
import { idOf, plural } from "./format.js";
import { FormField } from "./part-fields.js";
import { doctorReport, summary } from "./part-doctor.js";
import { plainLine } from "./part-words.js";
import { mayChange } from "./session.js";

const RESOURCE = "configuration/v1/ms_exchange_connector/";

const METHODS = [
  ["BASIC", "Basic (name and password)"],
  ["NTLM", "NTLM"],
  ["KERBEROS", "Kerberos"],
  ["OAUTH", "OAuth: a service account, signed in once in a browser"],
  ["APP_PERM", "OAuth: an application’s own secret"],
];
const PROTOCOLS = [
  ["EWS", "Exchange Web Services"],
  ["GRAPH", "Microsoft Graph, for Exchange Online"],
];
const CREDENTIALS = [
  ["SECRET", "A client secret"],
  ["CERTIFICATE", "A certificate, which this server makes afterwards"],
];
const PASSWORD = ["BASIC", "NTLM", "KERBEROS"];
const OAUTH = ["OAUTH", "APP_PERM"];
const EWS = [...PASSWORD, ...OAUTH];

/* A choice of the form, and no field of the integration. */
const CREDENTIAL = "application_shows";

/* What is asked for, in groups. `only` are the sign-in methods that a field is for; GRAPH is one of them here. */
const GROUPS = [
  ["Exchange", "The server that pexschedd talks to, and how it signs in there.", [
    ["name", "Name of the integration", { hint: "For administrators, such as the site: Head office.", wide: true }],
    ["mailbox_protocol", "Interface to the mailbox", { options: PROTOCOLS, wide: true, hint: "Exchange Online has Microsoft Graph alone; Exchange on-premises has no other than Exchange Web Services." }],
    ["graph_api_domain", "Host of Microsoft Graph", { only: ["GRAPH"], wide: true, hint: "graph.microsoft.com, unless your tenant is in a national cloud." }],
    ["url", "EWS URL", { only: EWS, wide: true, placeholder: "https://mail.example.com/EWS/Exchange.asmx", hint: "Where Exchange Web Services answer: one of the servers, or the load balancer." }],
    ["authentication_method", "Sign-in method", { only: EWS, options: METHODS, wide: true, hint: "How the service account signs in to Exchange." }],
    ["username", "Service account", { only: [...PASSWORD, "OAUTH"], placeholder: "EXAMPLE\\pexip", hint: "EXAMPLE\\name or name@example.com. It acts for the equipment mailbox." }],
    ["password", "Password of the service account", { kind: "password", only: PASSWORD, hint: "Kept sealed, and never shown again." }],
    ["kerberos_realm", "Kerberos realm", { only: ["KERBEROS"], placeholder: "EXAMPLE.COM", hint: "That of the service account, usually the domain in capitals." }],
    ["kerberos_kdc", "Kerberos server (KDC)", { only: ["KERBEROS"], optional: true, placeholder: "dc1.example.com", hint: "A domain controller; without one, DNS says which." }],
    ["oauth_client_id", "Application (client) id", { only: [...OAUTH, "GRAPH"], hint: "As the registration of the application shows it." }],
    [CREDENTIAL, "What the application shows", { only: ["APP_PERM", "GRAPH"], options: CREDENTIALS, hint: "The key of a certificate never leaves this server." }],
    ["oauth_client_secret", "Client secret", { kind: "password", only: ["APP_PERM", "GRAPH"], hint: "Its value, not its id. Kept sealed, and never shown again." }],
    ["oauth_auth_endpoint", "Authorization endpoint", { only: ["OAUTH"], wide: true, hint: "The identity provider’s address at which people sign in." }],
    ["oauth_token_endpoint", "Token endpoint", { only: [...OAUTH, "GRAPH"], wide: true, hint: "The identity provider’s address that gives tokens to programs. For Microsoft Graph: https://login.microsoftonline.com/, your tenant’s id, and /oauth2/v2.0/token." }],
    ["oauth_redirect_uri", "Redirect address", { only: ["OAUTH"], wide: true, hint: "Where the browser comes back to after signing in. Enter it at the identity provider, too." }],
  ]],
  ["Equipment mailbox", "People invite this mailbox; pexschedd reads and answers its mail.", [
    ["room_mailbox_name", "Display name", { placeholder: "Video room", optional: true, hint: "Users see it among the attendees of their meetings." }],
    ["room_mailbox_email_address", "Address", { placeholder: "videoroom@example.com", hint: "No other integration may use it." }],
  ]],
  ["Addresses of the rooms", "Each meeting gets a number of its own.", [
    ["scheduled_alias_prefix", "Prefix", { placeholder: "555", hint: "1 to 8 characters; digits, if people are to dial it from a telephone." }],
    ["scheduled_alias_suffix_length", "Digits after the prefix", { kind: "number", hint: "Random ones: the more, the harder to guess." }],
    ["scheduled_alias_domain", "Domain", { placeholder: "example.com", wide: true, optional: true, hint: "What follows the @. Without it a room has the number alone." }],
  ]],
  ["Add-in", "The button in Outlook.", [
    ["addin_server_domain", "Name of the add-in’s server", { placeholder: "rooms.example.com", wide: true, hint: "The host, and the port if it is not 443, from which Outlook loads the add-in. It needs a certificate that Outlook trusts." }],
    ["domains", "Metadata domain", { only: EWS, list: true, wide: true, optional: true, placeholder: "mail.example.com", hint: "Exchange servers whose users are recognised, with commas; usually the one of the EWS URL." }],
  ]],
];

const SECRETS = ["password", "oauth_client_secret"];

/* The labels that say by themselves what is meant; for the others there are longer ones. */
const OWN = Object.fromEntries(GROUPS.flatMap(([, , fields]) => fields)
  .map(([name, label]) => [name, label]).filter(([, label]) => label.includes(" ")));

/* What was entered, for the person who comes back after the page has signed out by itself; no secrets. */
let kept = {};

export function forget() {
  kept = {};
}

class FirstSteps {
  constructor(view, declared) {
    this.view = view;
    this.fields = new Map();
    this.attempt = { body: "", key: "" };
    this.results = h("div", { class: "stack", role: "status" });
    this.example = h("p", { class: "soft wide" });
    this.groups = GROUPS.map(([title, text, fields]) => this.group(title, text, fields, declared));
    this.values(declared);
    this.follow();
  }

  group(title, text, fields, declared) {
    const made = fields.map(([name, label, options]) => {
      const field = new FormField(name, label, options, declared[name]);
      field.only = options.only;
      field.input.addEventListener("input", () => this.changed(field));
      this.fields.set(name, field);
      return field.element;
    });
    return h("section", { class: "card", "aria-label": title },
      h("header", {}, h("h2", {}, title), h("p", { class: "soft" }, text)),
      h("div", { class: "body two" }, made, title === "Addresses of the rooms" && this.example));
  }

  values(declared) {
    for (const [name, field] of this.fields) {
      const standard = declared[name]?.default;
      const given = ["string", "number"].includes(typeof standard) && standard !== "No default provided." ? String(standard) : "";
      field.value = kept[name] ?? (name === CREDENTIAL ? "SECRET" : given);
    }
    const redirect = this.fields.get("oauth_redirect_uri");
    redirect.value ||= `${location.origin}/admin/platform/msexchangeconnector/oauth_redirect/`;
  }

  value(name) {
    return this.fields.get(name).value.trim();
  }

  /** True if the application is to show a certificate, which can be made once the integration is there. */
  get showsCertificate() {
    const choice = this.fields.get(CREDENTIAL);
    return !choice.hidden && choice.value === "CERTIFICATE";
  }

  /** Fills in what follows from other fields, until the person has entered something else. */
  suggest(name, text) {
    const field = this.fields.get(name);
    if (field.value === "" || field.value === field.suggested) {
      field.value = text;
      field.suggested = text;
    }
  }

  changed(field) {
    field.refuse([]);
    field.judge([]);
    this.follow(field.name);
    if (!SECRETS.includes(field.name)) for (const [name, each] of this.fields) if (!SECRETS.includes(name)) kept[name] = each.value;
  }

  follow(name = "") {
    const usesGraph = this.value("mailbox_protocol") === "GRAPH";
    const method = usesGraph ? "GRAPH" : this.value("authentication_method");
    for (const field of this.fields.values()) field.hidden = Boolean(field.only) && !field.only.includes(method);
    if (this.showsCertificate) this.fields.get("oauth_client_secret").hidden = true;
    if (name === "url") this.suggest("domains", hostOf(this.value("url")));
    if (name === "room_mailbox_email_address") this.suggest("scheduled_alias_domain", this.value("room_mailbox_email_address").split("@")[1] || "");
    const digits = Math.min(Number(this.value("scheduled_alias_suffix_length")) || 6, 20);
    const number = "123456789012345678901".slice(0, digits);
    this.example.replaceChildren("For example ", h("code", {}, `${this.value("scheduled_alias_prefix")}${number}@${this.value("scheduled_alias_domain") || "example.com"}`));
  }

  /** The integration as it is sent: what is shown, and what is not empty. */
  payload() {
    const sent = {};
    for (const [name, field] of this.fields) {
      if (field.hidden || name === CREDENTIAL) continue;
      // A password may begin or end with a blank.
      const text = SECRETS.includes(name) ? field.value : field.value.trim();
      if (field.isList) sent[name] = text.split(/[\s,]+/).filter(Boolean).map((domain) => ({ domain }));
      else if (text !== "") sent[name] = field.input.type === "number" ? Number(text) || text : text;
    }
    if (this.showsCertificate) sent.oauth_client_secret = "";
    return sent;
  }

  clear() {
    for (const field of this.fields.values()) {
      field.refuse([]);
      field.judge([]);
    }
    this.results.replaceChildren();
  }

  /** Shows what the server does not take beside the fields; the first of them gets the focus. */
  refuse(problem) {
    const others = [];
    let first = null;
    for (const [name, texts] of Object.entries(problem.fields)) {
      const field = this.fields.get(name);
      if (field && !field.hidden) {
        field.refuse(texts, OWN);
        first ??= field;
      } else others.push(plainLine(`${name}: ${texts.join(" ")}`, OWN));
    }
    const count = Object.keys(problem.fields).length;
    this.results.replaceChildren(notice("bad", "alarm", h("b", {}, count ? `${plural(count, "field is", "fields are")} not right yet.` : problem.message),
      others.map((text) => h("p", {}, text)), !count && h("p", { class: "soft" }, "What you have entered is still here.")));
    (first ? first.input : null)?.focus();
  }

  async attemptTo(work) {
    this.clear();
    try {
      await work();
    } catch (problem) {
      if (this.view.signal.aborted || !(problem instanceof Problem)) throw problem;
      this.refuse(problem);
    }
  }

  /** The field to show a line of the doctor's at: one that its message names, or else the first that it is about. */
  fieldOf(line) {
    const shown = line.fields.filter((name) => this.fields.has(name) && !this.fields.get(name).hidden);
    return this.fields.get(shown.find((name) => line.message.includes(name)) ?? shown[0]);
  }

  check() {
    return this.attemptTo(async () => {
      this.results.replaceChildren(notice("", "clock", "The doctor looks at all of it … A few seconds, a minute at most."));
      const report = await (await post("command/v1/ms_exchange_connector/check/", this.payload())).json();
      if (this.view.signal.aborted) return;
      const beside = new Map(report.lines.map((line) => [line, this.fieldOf(line)]).filter(([, field]) => field));
      for (const field of this.fields.values()) field.judge([...beside.keys()].filter((line) => beside.get(line) === field), OWN);
      this.results.replaceChildren(summary(report), h("section", { class: "card", "aria-label": "Other checks" }, doctorReport(report, beside, OWN)));
      const worst = [...this.fields.values()].find((field) => field.verdict.querySelector(".finding.bad"));
      worst?.input.focus();
    });
  }

  create() {
    return this.attemptTo(async () => {
      const sent = this.payload();
      const text = JSON.stringify(sent);
      // Sent again after a lost answer, it makes nothing twice.
      if (text !== this.attempt.body) this.attempt = { body: text, key: randomKey() };
      const response = await post(RESOURCE, sent, { "Idempotency-Key": this.attempt.key });
      if (this.view.signal.aborted) return;
      forget();
      const warnings = (response.headers.get("X-Configuration-Warning") || "").split(/, (?=[a-z_]+: )/).filter(Boolean);
      created(this.view, idOf(response.headers.get("Location")), sent.name, { graph: sent.mailbox_protocol === "GRAPH", certificate: this.showsCertificate, warnings });
    });
  }
}

function hostOf(url) {
  try {
    return new URL(url).host;
  } catch {
    return "";
  }
}

/** The view after the integration was made: what is left to do. */
function created(view, id, name, { graph, certificate, warnings }) {
  const step = (title, text) => h("li", {}, h("div", {}, h("h3", {}, title), h("p", { class: "soft" }, text)));
  view.title("Integration created");
  view.root.replaceChildren(
    head(`“${name}” is there`, { text: "It looks into its mailbox from now on. What is left to do:" }),
    h("div", { class: "stack" },
      warnings.map((text) => notice("", "info", h("span", { class: "wrap" }, plainLine(text, OWN)))),
      h("section", { class: "card", "aria-label": "What is left to do" }, h("ol", { class: "rows next-steps" },
        certificate && step("Make the certificate", h("span", { class: "wrap" }, "Send a POST to ", h("code", {}, `/api/admin/command/v1/ms_exchange_connector/${id}/make_certificate/`),
          ", and upload what it answers to the registration of the application in Entra ID.")),
        graph
          ? step("Set Exchange Online up", "Download the set-up script and run it in PowerShell, with the module ExchangeOnlineManagement: mailbox, processing, the application’s roles.")
          : step("Set Exchange up", "Download the set-up script and run it in the Exchange Management Shell: mailbox, permissions, add-in."),
        graph && step("Register the add-in in Entra ID", "Download its set-up script and run it in PowerShell; it prints the fields that the add-in’s tokens need."),
        step("Run the doctor", "It says line by line what is right, what is wrong, and what to do."),
        step("Deploy the add-in", graph
          ? "Download the manifest, and upload it in the Microsoft 365 admin center: Settings, Integrated apps."
          : "Download the manifest; the set-up script installs it."),
        step("Tell the conferencing nodes", "Enter the add-in’s address as their policy server, with service configuration enabled."))),
      h("p", {}, h("a", { href: `#/integrations/${id}`, class: "button primary" }, "Go on to the integration"))));
  view.root.querySelector("h1").focus();
}

async function open(view) {
  view.title("First steps");
  const schema = await get(`${RESOURCE}schema/`, {}, view.signal);
  const steps = new FirstSteps(view, schema.fields);
  const may = mayChange("configuration/ms_exchange_connector");
  const form = h("form", {
    novalidate: true,
    class: "stack",
    onsubmit: (event) => {
      event.preventDefault();
      check.click();
    },
  }, steps.groups);
  const check = button("Check", () => steps.check(), { kind: "primary", sign: "check" });
  const create = button("Create the integration", () => steps.create());
  form.append(h("div", { class: "actions form-end" }, check, create,
    h("span", { class: "soft small" }, "Checking changes nothing. It signs in to Exchange once.")), steps.results,
    h("button", { type: "submit", hidden: true }));
  view.root.replaceChildren(
    head("First steps", { crumb: h("a", { href: "#/integrations" }, "Integrations"), text: "An integration connects rooms with an equipment mailbox of Exchange. The doctor looks at it before it is made." }),
    may ? form : notice("", "info", "To make an integration takes the role Full."));
}

export { open as show };
