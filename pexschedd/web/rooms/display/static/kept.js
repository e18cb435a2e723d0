/* What a browser keeps of a sign: its settings, the token among them; its files, which a
   service worker keeps; and its last list, which stays with the tab and goes when that
   is closed. */

(function () {
  "use strict";

  var SETTINGS = "pexschedd.display", KEY = "pexschedd.display.last";
  var LONGEST = 24 * 60 * 60 * 1000;
  var BEGINNING = 14;
  var WORKER = "/display/worker.js";
  var kept = {};

  function read(storage, key) {
    try {
      return JSON.parse(window[storage].getItem(key));
    } catch (error) {
      return null;
    }
  }

  function write(storage, key, value) {
    try {
      window[storage].setItem(key, JSON.stringify(value));
    } catch (error) {
      /* A browser that keeps nothing asks again after a restart, and knows no meetings
         when it is loaded anew without a network. */
    }
  }

  /* The tab's own first: a browser may show the signs of several rooms. */
  kept.settings = function () {
    var settings = read("sessionStorage", SETTINGS) || read("localStorage", SETTINGS) || {};
    write("sessionStorage", SETTINGS, settings);
    return settings;
  };

  kept.keepSettings = function (settings) {
    write("sessionStorage", SETTINGS, settings);
    write("localStorage", SETTINGS, settings);
  };

  /* The last answer, as `Source.last` has it, if this token got it (they are
     told apart by their beginnings, which are no secret); else null. */
  kept.read = function (token) {
    var last = read("sessionStorage", KEY);
    if (last && last.token === token.slice(0, BEGINNING) && Math.abs(Date.now() - last.answered) < LONGEST) {
      return last;
    }
    kept.clear();
    return null;
  };

  kept.write = function (token, last) {
    last.token = token.slice(0, BEGINNING);
    write("sessionStorage", KEY, last);
  };

  kept.clear = function () {
    try {
      window.sessionStorage.removeItem(KEY);
    } catch (error) {
      /* Then there was none. */
    }
  };

  /* Browsers have service workers for https alone, and for the machine itself. */
  kept.install = function () {
    var workers = window.navigator.serviceWorker, address = WORKER;
    if (!workers) { return; }
    if (window.trustedTypes) {
      address = window.trustedTypes.createPolicy("room-display", {
        createScriptURL: function () { return WORKER; }
      }).createScriptURL("");
    }
    /* Without it the sign goes on as before; the next load tries again. */
    workers.register(address).then(null, function () { return null; });
  };

  window.roomDisplay = window.roomDisplay || {};
  window.roomDisplay.kept = kept;
}());
