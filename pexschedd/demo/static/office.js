/*
 * Plays Microsoft's office.js for the add-in's pane at the demo desk.
 *
 * The pane runs in a frame of the desk's page. Each call that Outlook would answer goes
 * to that page with postMessage; the page (host.js) keeps the appointment that is being
 * composed. Both sides check the other's window and origin. Only what appointment
 * compose has up to Mailbox 1.8 is here, with Office's names, arguments and errors.
 *
 * ES5, as the pane itself: it is read by every browser engine Outlook uses.
 */
(function (window) {
  "use strict";

  var Office = (window.Office = {});
  var TIMEOUT_MS = 30000;
  var supported = { mailbox: [1, 8] };

  // ---------------------------------------------------------------- enumerations

  Office.AsyncResultStatus = { Succeeded: "succeeded", Failed: "failed" };
  Office.CoercionType = { Text: "text", Html: "html" };
  Office.EventType = {
    AppointmentTimeChanged: "olkAppointmentTimeChanged",
    EnhancedLocationsChanged: "olkEnhancedLocationsChanged",
    OfficeThemeChanged: "olkOfficeThemeChanged",
    RecipientsChanged: "olkRecipientsChanged",
    RecurrenceChanged: "olkRecurrenceChanged",
    DialogMessageReceived: "dialogMessageReceived",
    DialogEventReceived: "dialogEventReceived"
  };
  Office.HostType = { Outlook: "Outlook" };
  Office.PlatformType = {
    PC: "PC", OfficeOnline: "OfficeOnline", Mac: "Mac", iOS: "iOS", Android: "Android",
    Universal: "Universal"
  };
  Office.InitializationReason = {
    Inserted: "inserted", DocumentOpened: "documentOpened", ControlActivation: "controlActivation"
  };
  Office.MailboxEnums = {
    BodyType: { Text: "text", Html: "html" },
    ItemType: { Message: "message", Appointment: "appointment" },
    ItemNotificationMessageType: {
      ProgressIndicator: "progressIndicator", InformationalMessage: "informationalMessage",
      ErrorMessage: "errorMessage", InsightMessage: "insightMessage"
    },
    LocationType: { Custom: "custom", Room: "room" },
    OWAView: { OneColumn: "OneColumn", TwoColumns: "TwoColumns", ThreeColumns: "ThreeColumns" },
    RecipientType: { DistributionList: "distributionList", ExternalUser: "externalUser", Other: "other", User: "user" },
    ResponseType: { Accepted: "accepted", Declined: "declined", None: "none", Organizer: "organizer", Tentative: "tentative" },
    RestVersion: { Beta: "beta", v1_0: "v1.0", v2_0: "v2.0" },
    SourceProperty: { Body: "body", Subject: "subject" }
  };

  // ---------------------------------------------------------------- the desk's page

  var deskOrigin = originOf(ownAddress());
  var framed = window.parent !== window;
  var waiting = {};
  var listeners = {};
  var serial = 0;
  var ready = false;
  var onReady = [];
  var hostInfo = { host: null, platform: null };

  function ownAddress() {
    if (document.currentScript && document.currentScript.src) {
      return document.currentScript.src;
    }
    var scripts = document.getElementsByTagName("script");
    return scripts[scripts.length - 1].src;
  }

  function originOf(address) {
    return /^[a-z]+:\/\/[^\/]+/.exec(address)[0];
  }

  function post(message) {
    message.desk = 1;
    window.parent.postMessage(message, deskOrigin);
  }

  window.addEventListener("message", function (event) {
    var message = event.data;
    if (dialog && event.source === dialog.window && event.origin === window.location.origin) {
      if (message && message.desk === 1 && message.type === "dialog") {
        dialog.fire(Office.EventType.DialogMessageReceived, { message: message.text, origin: event.origin });
      }
      return;
    }
    if (event.source !== window.parent || event.origin !== deskOrigin) { return; }
    if (!message || message.desk !== 1) { return; }
    if (message.type === "welcome") { welcome(message.context); }
    if (message.type === "result") { answered(message); }
    if (message.type === "network") { offline = Boolean(message.offline); }
    if (message.type === "event") { notify(message.name, message.data); }
  }, false);

  function answered(message) {
    var call = waiting[message.id];
    if (!call) { return; }
    delete waiting[message.id];
    window.clearTimeout(call.timer);
    finish(call, message.error || null, message.value);
  }

  /* Asks the page; `args` is an object, the answer goes to `options.callback`. */
  function ask(method, args, options) {
    serial += 1;
    var id = serial;
    var call = { callback: options.callback, asyncContext: options.asyncContext };
    call.timer = window.setTimeout(function () {
      delete waiting[id];
      finish(call, { code: 9017, name: "InternalServerError", message: "The desk does not answer." });
    }, TIMEOUT_MS);
    waiting[id] = call;
    post({ type: "call", id: id, method: method, args: args });
  }

  function finish(call, error, value) {
    if (!call.callback) { return; }
    var result = { asyncContext: call.asyncContext, diagnostics: {} };
    if (error) {
      result.status = Office.AsyncResultStatus.Failed;
      result.error = { code: error.code, name: error.name, message: error.message };
    } else {
      result.status = Office.AsyncResultStatus.Succeeded;
      result.value = value;
    }
    call.callback(result);
  }

  /* Outcome without asking the page; never in the caller's own turn. */
  function later(options, error, value) {
    window.setTimeout(function () { finish(options, error, value); }, 0);
  }

  // ---------------------------------------------------------------- arguments

  /* Office's calls end with ([options], [callback]), either may be left out. */
  function trailing(args, from) {
    var found = { callback: null, asyncContext: undefined, options: {} };
    for (var i = from; i < args.length && i < from + 2; i += 1) {
      if (typeof args[i] === "function") {
        found.callback = args[i];
        break;
      }
      if (args[i] && typeof args[i] === "object") {
        found.options = args[i];
        found.asyncContext = args[i].asyncContext;
      }
    }
    return found;
  }

  /* As in Office, a wrong argument is thrown and not given to the callback. */
  function refuse(name, text) {
    var error = new Error(text);
    error.name = name;
    throw error;
  }

  function checkText(value, limit, what) {
    if (typeof value !== "string") { refuse("Sys.ArgumentTypeException", what + " must be a string."); }
    if (value.length > limit) { refuse("Sys.ArgumentOutOfRangeException", what + " is longer than " + limit + " characters."); }
  }

  function checkPeople(list) {
    if (!(list instanceof Array)) { refuse("Sys.ArgumentTypeException", "recipients must be an array."); }
    if (list.length > 100) { refuse("Sys.ArgumentOutOfRangeException", "recipients are more than 100."); }
    var people = [];
    for (var i = 0; i < list.length; i += 1) {
      var one = list[i];
      if (typeof one === "string") { one = { displayName: one, emailAddress: one }; }
      if (!one || typeof one.emailAddress !== "string" || !one.emailAddress) {
        refuse("Sys.ArgumentException", "a recipient needs an emailAddress.");
      }
      people.push({ displayName: String(one.displayName || one.emailAddress), emailAddress: one.emailAddress });
    }
    return people;
  }

  // ---------------------------------------------------------------- the item

  /* An object with getAsync and, unless `readonly`, setAsync for a field of the form. */
  function field(name, check, readonly) {
    var made = {
      getAsync: function () { ask(name + ".get", {}, trailing(arguments, 0)); }
    };
    if (!readonly) {
      made.setAsync = function (value) {
        check(value);
        ask(name + ".set", { value: value }, trailing(arguments, 1));
      };
    }
    return made;
  }

  function recipients(name) {
    return {
      getAsync: function () { ask(name + ".get", {}, trailing(arguments, 0)); },
      setAsync: function (list) { ask(name + ".set", { value: checkPeople(list) }, trailing(arguments, 1)); },
      addAsync: function (list) { ask(name + ".add", { value: checkPeople(list) }, trailing(arguments, 1)); }
    };
  }

  function textField(name) {
    return field(name, function (value) { checkText(value, 255, name); });
  }

  function timeField(name) {
    return field(name, function (value) {
      if (!(value instanceof Date) || isNaN(value.getTime())) {
        refuse("Sys.ArgumentTypeException", name + " must be a Date.");
      }
    });
  }

  function bodyWriter(how) {
    return function (data) {
      var found = trailing(arguments, 1);
      checkText(data, 1000000, "data");
      ask("body." + how, { data: data, type: found.options.coercionType || "text" }, found);
    };
  }

  var body = {
    getTypeAsync: function () { ask("body.type", {}, trailing(arguments, 0)); },
    getAsync: function (type) { ask("body.get", { type: type }, trailing(arguments, 1)); },
    setAsync: bodyWriter("set"),
    prependAsync: bodyWriter("prepend"),
    setSelectedDataAsync: bodyWriter("select")
  };

  function CustomProperties(values) { this.values = values || {}; }
  CustomProperties.prototype.get = function (name) { return this.values[name]; };
  CustomProperties.prototype.set = function (name, value) { this.values[name] = value; };
  CustomProperties.prototype.remove = function (name) { delete this.values[name]; };
  CustomProperties.prototype.getAll = function () { return JSON.parse(JSON.stringify(this.values)); };
  CustomProperties.prototype.saveAsync = function () {
    ask("properties.save", { values: this.getAll() }, trailing(arguments, 0));
  };

  var notificationMessages = {
    addAsync: function (key, message) { notice("add", key, message, trailing(arguments, 2)); },
    replaceAsync: function (key, message) { notice("add", key, message, trailing(arguments, 2)); },
    removeAsync: function (key) { ask("notice.remove", { key: key }, trailing(arguments, 1)); },
    getAllAsync: function () { ask("notice.list", {}, trailing(arguments, 0)); }
  };

  function notice(how, key, message, found) {
    checkText(key, 32, "key");
    checkText(message && message.message, 150, "message");
    ask("notice." + how, { key: key, type: message.type, message: message.message }, found);
  }

  function handlers(target) {
    target.addHandlerAsync = function (name, handler) {
      listeners[name] = listeners[name] || [];
      listeners[name].push(handler);
      later(trailing(arguments, 2), null);
    };
    target.removeHandlerAsync = function (name) {
      delete listeners[name];
      later(trailing(arguments, 1), null);
    };
    return target;
  }

  function notify(name, data) {
    var event = data || {};
    event.type = name;
    if (name === Office.EventType.OfficeThemeChanged) {
      Office.context.officeTheme = event.officeTheme;
    }
    var list = (listeners[name] || []).slice();
    for (var i = 0; i < list.length; i += 1) { list[i](event); }
  }

  var item = handlers({
    itemType: Office.MailboxEnums.ItemType.Appointment,
    subject: textField("subject"),
    start: timeField("start"),
    end: timeField("end"),
    location: textField("location"),
    enhancedLocation: {
      getAsync: function () { ask("locations.get", {}, trailing(arguments, 0)); },
      addAsync: function (list) { ask("locations.add", { value: list }, trailing(arguments, 1)); },
      removeAsync: function (list) { ask("locations.remove", { value: list }, trailing(arguments, 1)); }
    },
    requiredAttendees: recipients("required"),
    optionalAttendees: recipients("optional"),
    organizer: field("organizer", null, true),
    recurrence: field("recurrence", null, true),
    seriesId: null,
    body: body,
    notificationMessages: notificationMessages,
    loadCustomPropertiesAsync: function () {
      var found = trailing(arguments, 0);
      ask("properties.load", {}, {
        asyncContext: found.asyncContext,
        callback: function (result) {
          if (result.status === Office.AsyncResultStatus.Succeeded) {
            result.value = new CustomProperties(result.value);
          }
          if (found.callback) { found.callback(result); }
        }
      });
    },
    getSharedPropertiesAsync: function () {
      later(trailing(arguments, 0), { code: 9020, name: "InvalidOperation", message: "This item is in the user's own calendar." });
    }
  });

  // ---------------------------------------------------------------- dialogs

  var GLANCE_MS = 300;
  var dialog = null;

  /* A window of its own. Cut off from it, nobody can tell whether it is still open. */
  function Dialog(opened) {
    var made = this;
    this.window = opened;
    this.handlers = {};
    this.timer = window.setInterval(function () {
      if (opened.closed) {
        made.end();
        made.fire(Office.EventType.DialogEventReceived, { error: 12006 });
      }
    }, GLANCE_MS);
  }

  Dialog.prototype.addEventHandler = function (name, handler) { this.handlers[name] = handler; };
  Dialog.prototype.fire = function (name, event) {
    event.type = name;
    if (this.handlers[name]) { this.handlers[name](event); }
  };
  Dialog.prototype.end = function () {
    window.clearInterval(this.timer);
    if (dialog === this) { dialog = null; }
  };
  Dialog.prototype.close = function () {
    this.end();
    this.window.close();
  };

  function displayDialog(url) {
    var found = trailing(arguments, 1);
    var width = found.options.width || 40, height = found.options.height || 60;
    if (dialog) {
      later(found, { code: 12007, name: "DialogAlreadyOpened", message: "A dialog is open already." });
      return;
    }
    ask("dialog.open", {}, {
      callback: function (result) {
        var allowed = result.status === Office.AsyncResultStatus.Succeeded;
        var opened = allowed && window.open(url, "_blank", "popup,width=" +
          Math.max(320, Math.round(window.screen.width * width / 100)) +
          ",height=" + Math.max(400, Math.round(window.screen.height * height / 100)));
        if (!opened) {
          finish(found, { code: 12011, name: "BrowserPopupBlocked", message: "The browser blocks the dialog." });
          return;
        }
        dialog = new Dialog(opened);
        finish(found, null, dialog);
      }
    });
  }

  /* In a dialog: to the pane that has opened it, if it is still there. */
  function messageParent(text) {
    if (!window.opener) { refuse("InvalidOperation", "This page is no dialog."); }
    window.opener.postMessage({ desk: 1, type: "dialog", text: String(text) }, window.location.origin);
  }

  // ---------------------------------------------------------------- the context

  Office.context = {
    displayLanguage: "en-US",
    contentLanguage: "en-US",
    host: null,
    platform: null,
    diagnostics: { host: null, platform: null, version: "" },
    officeTheme: undefined,
    requirements: {
      isSetSupported: function (name, version) {
        var highest = supported[String(name).toLowerCase()];
        // 1.14 is newer than 1.8: numbers part by part, not one fraction.
        var wanted = String(version === undefined ? "1.1" : version).split(".");
        var major = parseInt(wanted[0], 10), minor = parseInt(wanted[1] || "0", 10);
        return highest !== undefined &&
          (major < highest[0] || (major === highest[0] && minor <= highest[1]));
      }
    },
    ui: {
      displayDialogAsync: displayDialog,
      messageParent: messageParent,
      closeContainer: function () { post({ type: "close" }); }
    }
  };

  function mailbox(context) {
    return handlers({
      diagnostics: { hostName: "OutlookWebApp", hostVersion: "15.2.1544.4", OWAView: "ThreeColumns" },
      userProfile: context.userProfile,
      item: item,
      ewsUrl: "",
      getUserIdentityTokenAsync: function () {
        // Unlike everywhere else the callback comes first here.
        var callback = arguments[0];
        if (typeof callback !== "function") { refuse("Sys.ArgumentNullException", "callback is missing."); }
        ask("token", {}, { callback: callback, asyncContext: arguments[1] });
      }
    });
  }

  /* Outlooks and places that the pane can do little with, as the page plays them. */
  var PLACES = {
    browser: function () { Office.context.mailbox = undefined; },
    reading: function () { item.body = { getAsync: body.getAsync }; },
    old: function () { supported = { mailbox: [1, 0] }; },
    message: function () { item.requiredAttendees = item.optionalAttendees = undefined; },
    occurrence: function () { item.seriesId = "series"; }
  };

  /* While this is true nothing gets through to a server: each request ends as without a
     network. */
  var offline = false;

  function watchLine() {
    var send = window.XMLHttpRequest.prototype.send;
    window.XMLHttpRequest.prototype.send = function () {
      var request = this;
      if (!offline) {
        send.apply(request, arguments);
        return;
      }
      window.setTimeout(function () {
        if (request.onerror) { request.onerror({ type: "error", target: request }); }
      }, 0);
    };
  }

  function welcome(context) {
    if (ready) { return; }
    hostInfo = { host: Office.HostType.Outlook, platform: Office.PlatformType.OfficeOnline };
    Office.context.host = hostInfo.host;
    Office.context.platform = hostInfo.platform;
    Office.context.diagnostics = { host: hostInfo.host, platform: hostInfo.platform, version: "16.0" };
    Office.context.displayLanguage = context.displayLanguage;
    Office.context.contentLanguage = context.displayLanguage;
    Office.context.officeTheme = context.officeTheme;
    Office.context.mailbox = mailbox(context);
    if (PLACES[context.place]) { PLACES[context.place](); }
    offline = Boolean(context.offline);
    watchLine();
    begin();
  }

  function begin() {
    ready = true;
    if (typeof Office.initialize === "function") {
      Office.initialize(Office.InitializationReason.Inserted);
    }
    var list = onReady;
    onReady = [];
    for (var i = 0; i < list.length; i += 1) { list[i](hostInfo); }
  }

  Office.initialize = null;

  Office.onReady = function (callback) {
    function subscribe(done) {
      if (ready) {
        window.setTimeout(function () { done(hostInfo); }, 0);
      } else {
        onReady.push(done);
      }
    }
    if (callback) { subscribe(callback); }
    return window.Promise ? new window.Promise(subscribe) : undefined;
  };

  // The page may set Office.initialize in a script after this one: begin when all are read.
  function hello() {
    if (framed) {
      post({ type: "hello" });
    } else {
      begin();
    }
  }

  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", hello, false);
  } else {
    window.setTimeout(hello, 0);
  }
}(window));
