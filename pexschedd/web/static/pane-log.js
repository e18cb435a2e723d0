/* The debug log: the last lines of what the pane did. No tokens, secrets or texts of the
   meeting come here. ES5. */
(function () {
  'use strict';
  var MOST_LINES = 300;
  var lines = [];
  var listener = null;

  function log(line) {
    lines.push(new Date().toISOString().slice(11, 23) + ' ' + line);
    if (lines.length > MOST_LINES) { lines.shift(); }
    if (listener) { listener(lines.join('\n')); }
  }

  /* A secret as it may be logged: its length and its last characters. */
  function hint(secret) {
    return String(secret).length + ' characters, …' + String(secret).slice(-6);
  }

  window.pexschedd = window.pexschedd || {};
  window.pexschedd.log = log;
  window.pexschedd.hint = hint;
  window.pexschedd.showLog = function (show) {
    listener = show;
    show(lines.join('\n'));
  };
}());
