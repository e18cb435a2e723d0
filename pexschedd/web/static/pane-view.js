/* The pane's view: puts one description of a state on the page, and nothing else.
   ES5, because Outlook 2016 and 2019 show the pane in Internet Explorer 11.

   A state is {tone, heading, message, note, reason, reference, action, step, busy}:
   tone       'success', 'info', 'warning', 'error'; without it there is no card
   heading, message   HTML that the server has sanitised
   note, reason, reference, action, step   plain text, shown as it is
   busy       the action is disabled and turns */
(function () {
  'use strict';
  var RIGHT_TO_LEFT = /^(ar|ckb|dv|fa|he|iw|ks|ps|sd|syr|ug|ur|yi)\b/i;
  var root = document.documentElement;
  var lines = [];

  function find(id) { return document.getElementById(id); }

  function text(id, value) {
    var element = find(id);
    element.textContent = value || '';
    return element;
  }

  function optional(id, value) { text(id, value).hidden = !value; }

  function show(state, moveFocus) {
    var card = find('card');
    var action = find('action');
    var hadFocus = document.activeElement === action;
    card.hidden = !state.tone;
    card.className = 'card ' + (state.tone || '');
    card.setAttribute('role', state.tone === 'error' ? 'alert' : 'status');
    find('card-heading').innerHTML = state.heading || '';
    find('card-message').innerHTML = state.message || '';
    optional('card-note', state.note);
    text('card-reason', state.reason);
    text('card-reference', state.reference);
    find('card-reference-line').hidden = !state.reference;
    find('card-details').hidden = !(state.reason || state.reference);
    text('copy', 'Copy details');

    text('action-label', state.action);
    action.hidden = !state.action;
    /* aria-disabled keeps the focus where it is, disabled would lose it. */
    action.setAttribute('aria-disabled', state.busy ? 'true' : 'false');
    find('spinner').hidden = !state.busy;
    find('pane').setAttribute('aria-busy', state.busy ? 'true' : 'false');
    text('step', state.step);
    if (state.tone && (moveFocus || (hadFocus && action.hidden))) {
      find('card-heading').focus();
    }
  }

  /* Copies by selecting: the newer clipboard interface is closed to frames. */
  function copyDetails() {
    var selection = window.getSelection();
    var range = document.createRange();
    var copied = false;
    range.setStartBefore(find('card-reason'));
    range.setEndAfter(find('card-reference-line'));
    selection.removeAllRanges();
    selection.addRange(range);
    try { copied = document.execCommand('copy'); } catch (ignored) { /* stays selected */ }
    if (copied) {
      selection.removeAllRanges();
      text('copy', 'Copied');
    }
  }

  function luminance(colour) {
    var hex = /^#?([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})/i.exec(colour || '');
    if (!hex) { return null; }
    return (0.299 * parseInt(hex[1], 16) + 0.587 * parseInt(hex[2], 16) +
            0.114 * parseInt(hex[3], 16)) / 255;
  }

  /* Outlook's own theme where it tells it, else the system's. */
  function theme(officeTheme) {
    var light = luminance(officeTheme && officeTheme.bodyBackgroundColor);
    var system = window.matchMedia && window.matchMedia('(prefers-color-scheme: dark)');
    var dark = light === null ? Boolean(system && system.matches) : light < 0.5;
    root.className = dark ? 'dark' : '';
  }

  function language(name) {
    root.setAttribute('dir', RIGHT_TO_LEFT.test(name || '') ? 'rtl' : 'ltr');
  }

  function debug(line) {
    lines.push(new Date().toISOString().slice(11, 23) + ' ' + line);
    if (lines.length > 300) { lines.shift(); }
    text('debug-log', lines.join('\n'));
  }

  find('copy').addEventListener('click', copyDetails);
  theme(null);
  window.pexschedd = {
    view: {
      show: show,
      theme: theme,
      language: language,
      debug: debug,
      showDebug: function () { find('debug').hidden = false; },
      onAction: function (handler) { find('action').addEventListener('click', handler); }
    }
  };
}());
