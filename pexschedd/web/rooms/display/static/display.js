/* The room's display: a form that is filled in once, then the sign.

   The token is kept in this browser and sent in a header; see kept.js for what else is. It may be handed over behind
   the # of the address, which browsers do not send; it is taken from there at once. */

(function () {
  "use strict";

  var display = window.roomDisplay;
  var SILENT = 90 * 1000, OLD = 60 * 60 * 1000, RELOADED_AT = 4;
  var words, settings, source, view, meetings = null, room = "", began = Date.now();

  function part(id) {
    return document.getElementById(id);
  }

  function keep() {
    display.kept.keepSettings(settings);
  }

  /* Settings behind the #: token, view, theme, join, lang, or `settings` alone. */
  function fromAddress() {
    var found = {};
    window.location.hash.replace(/^#/, "").split("&").forEach(function (pair) {
      var at = pair.indexOf("="), name = at < 0 ? pair : pair.slice(0, at);
      if (/^(token|view|theme|join|lang|settings)$/.test(name)) {
        try {
          found[name] = at < 0 ? "" : decodeURIComponent(pair.slice(at + 1));
        } catch (error) {
          found[name] = "";
        }
      }
    });
    if (window.location.hash) {
      window.history.replaceState(null, "", window.location.pathname);
    }
    return found;
  }

  function dress() {
    var scheme = settings.theme;
    if (scheme !== "light" && scheme !== "dark") {
      scheme = window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    }
    document.documentElement.setAttribute("data-theme", scheme);
    document.body.setAttribute("data-view", settings.view === "room" ? "room" : "door");
  }

  function ask(problem) {
    var form = part("form"), text = words.text;
    part("display").hidden = true;
    part("setup").hidden = false;
    document.title = text.setup;
    document.documentElement.lang = words.language;
    document.documentElement.dir = words.direction;
    [["setup-heading", "setup"], ["setup-text", "setupText"], ["token-label", "token"],
     ["view-label", "view"], ["view-door", "door"], ["view-room", "inRoom"],
     ["theme-label", "theme"], ["theme-auto", "auto"], ["theme-light", "light"],
     ["theme-dark", "dark"], ["save", "save"]].forEach(function (pair) {
      display.say(pair[0], text[pair[1]]);
    });
    display.say("problem", problem);
    form.elements.view.value = settings.view === "room" ? "room" : "door";
    form.elements.theme.value = settings.theme || "";
    part("token").focus();
    form.onsubmit = function (event) {
      var token = part("token").value.trim() || settings.token || "";
      event.preventDefault();
      if (!token) {
        display.say("problem", text.tokenMissing);
        return;
      }
      part("token").value = "";
      settings = {
        token: token,
        view: form.elements.view.value,
        theme: form.elements.theme.value,
        join: settings.join,
        lang: settings.lang
      };
      keep();
      begin();
    };
  }

  function begin() {
    var showsCode = settings.join ? settings.join !== "no" : settings.view === "room";
    dress();
    part("setup").hidden = true;
    part("display").hidden = false;
    view = new display.View(words, { join: showsCode });
    view.fixedTexts();
    if (source) { source.stop(); }
    source = new display.Source(settings.token, function (list) {
      meetings = display.read(list.meetings);
      room = list.room.name;
      if (list.read_at === null) { meetings = null; }
      tick();
    }, function () {
      settings.token = "";
      keep();
      meetings = null;
      ask(words.text.tokenRefused);
    });
    source.start();
    tick();
  }

  function now() {
    return Date.now() + source.state.offset;
  }

  function notice() {
    var state = source.state, silent = Date.now() - state.answered;
    if (silent > SILENT || silent < -SILENT) {
      return words.text.offline.replace("{time}", words.when(state.answered + state.offset, now()));
    }
    if (state.readAt !== null && now() - state.readAt > OLD) {
      return words.text.oldCalendar.replace("{time}", words.when(state.readAt, now()));
    }
    return "";
  }

  function tick() {
    if (part("display").hidden) { return; }
    var at = now();
    view.show(room, meetings && display.stateAt(meetings, at), at);
    view.notice(notice());
  }

  /* Once in a night, while the server answers: for its new version. */
  function renew() {
    var hours = (Date.now() - began) / 3600000;
    var isAnswered = source && Date.now() - source.state.answered < SILENT;
    if (hours > 2 && new Date().getHours() === RELOADED_AT && isAnswered) {
      window.location.reload();
    }
  }

  function main() {
    var given = fromAddress(), isNew = false;
    settings = display.kept.settings();
    ["token", "view", "theme", "join", "lang"].forEach(function (name) {
      if (given[name]) { settings[name] = given[name]; isNew = true; }
    });
    if (isNew) { keep(); }
    words = display.wordsFor(settings.lang || window.navigator.language || "en");
    dress();
    window.matchMedia("(prefers-color-scheme: dark)").addListener(dress);
    window.addEventListener("resize", function () { if (view) { view.fit(); } });
    if (!settings.token || given.settings !== undefined) {
      ask("");
    } else {
      begin();
    }
    display.kept.install();
    setInterval(tick, 1000);
    setInterval(renew, 10 * 60 * 1000);
  }

  main();
}());
