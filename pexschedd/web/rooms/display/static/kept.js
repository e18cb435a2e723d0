/* What a sign needs to be loaded anew without a network: its files, which a service
   worker keeps, and its last list, which stays with the tab and goes when that is
   closed. */

(function () {
  "use strict";

  var KEY = "pexschedd.display.last", LONGEST = 24 * 60 * 60 * 1000;
  var BEGINNING = 14;
  var WORKER = "/display/worker.js";
  var kept = {};

  /* The last answer, as `Source.last` has it, if this token got it (they are
     told apart by their beginnings, which are no secret); else null. */
  kept.read = function (token) {
    var last;
    try {
      last = JSON.parse(window.sessionStorage.getItem(KEY));
      if (last && last.token === token.slice(0, BEGINNING) && Math.abs(Date.now() - last.answered) < LONGEST) {
        return last;
      }
    } catch (error) {
      /* What cannot be read is not there. */
    }
    kept.clear();
    return null;
  };

  kept.write = function (token, last) {
    last.token = token.slice(0, BEGINNING);
    try {
      window.sessionStorage.setItem(KEY, JSON.stringify(last));
    } catch (error) {
      /* Loaded anew without a network, the sign will know no meetings. */
    }
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
