/* The pane's view: puts one description of a state on the page, and nothing else.
   ES5, because Outlook 2016 and 2019 show the pane in Internet Explorer 11.

   A description is {card, actions, step, link}; what is left out is not shown:
   card     {tone, heading, message, notes, reason, reference}; tone is 'success', 'info',
            'warning' or 'error'; heading and message are blocks, notes a list of them
   actions  [{name, label, kind, busy, press}]; kind is 'primary', 'secondary' or 'link'
   step     a block: what the pane is doing
   link     {href, label}: a way that needs no window
   A block, see pane-words.js, is {text or html, lang, dir}. */
(function () {
  'use strict';
  var SETTLED = 400; /* milliseconds in which a button takes no press meant for another */
  var shown = ''; /* the names of the buttons on the page */
  var since = 0;

  function byId(id) { return document.getElementById(id); }

  function create(name, className, parent) {
    var element = document.createElement(name);
    if (className) { element.className = className; }
    if (parent) { parent.appendChild(element); }
    return element;
  }

  /* Shows a block in an element, in its language and direction. */
  function put(element, block) {
    var given = block || { text: '' };
    if (given.html !== undefined) {
      element.innerHTML = given.html;
      if (window.pexschedd.styles) { window.pexschedd.styles.apply(element); }
    } else {
      element.textContent = given.text;
    }
    if (block) {
      element.setAttribute('lang', given.lang);
      element.setAttribute('dir', given.dir);
    }
    return element;
  }

  function say(name, values) { return window.pexschedd.words.say(name, values); }

  function showCard(card) {
    var box = byId('card');
    var notes = byId('card-notes');
    var given = card || {};
    box.hidden = !card;
    box.className = 'card ' + (given.tone || '');
    box.setAttribute('role', given.tone === 'error' ? 'alert' : 'status');
    put(byId('card-heading'), given.heading);
    put(byId('card-message'), given.message);
    byId('card-message').hidden = !given.message;
    notes.textContent = '';
    (given.notes || []).forEach(function (note) { put(create('p', 'card-note', notes), note); });
    byId('card-reason').textContent = given.reason || '';
    byId('card-reference').textContent = given.reference || '';
    put(byId('card-reference-label'), say('reference'));
    byId('card-reference-line').hidden = !given.reference;
    byId('card-details').hidden = !(given.reason || given.reference);
    put(byId('copy'), say('copy'));
  }

  /* -- the buttons -------------------------------------------------------------------- */

  function settled() { return new Date().getTime() - since >= SETTLED; }

  function pressed(button) {
    return function () {
      var early = !settled();
      if (button.getAttribute('aria-disabled') === 'true' || early) { return; }
      button.press();
    };
  }

  function fill(button, action) {
    var label = button.querySelector('.label');
    button.className = action.kind === 'link' ? 'link' : 'button ' + action.kind;
    button.press = action.press;
    /* aria-disabled keeps the focus where it is, disabled would lose it. */
    button.setAttribute('aria-disabled', action.busy ? 'true' : 'false');
    button.querySelector('.spinner').hidden = !action.busy;
    put(label, action.label);
  }

  function make(action, parent, index) {
    var button = create('button', '', parent);
    var spinner = create('span', 'spinner', button);
    button.type = 'button';
    button.id = index ? 'action-' + action.name : 'action';
    button.setAttribute('data-action', action.name);
    spinner.setAttribute('aria-hidden', 'true');
    create('span', 'label', button);
    button.addEventListener('click', pressed(button));
    return button;
  }

  function showActions(actions, hasCard) {
    var parent = byId('buttons');
    var names = actions.map(function (action) { return action.name; }).join(' ');
    if (names !== shown) {
      since = shown ? new Date().getTime() : 0;
      shown = names;
      parent.textContent = '';
      actions.forEach(function (action, index) { make(action, parent, index); });
    }
    actions.forEach(function (action, index) {
      var button = parent.children[index];
      fill(button, action);
      if (hasCard && !index) {
        button.setAttribute('aria-describedby', 'card-heading card-message card-notes');
      } else {
        button.removeAttribute('aria-describedby');
      }
    });
  }

  function show(model, moveFocus) {
    var actions = model.actions || [];
    var inside = byId('pane').contains(document.activeElement);
    var link = byId('link');
    showCard(model.card);
    showActions(actions, Boolean(model.card));
    byId('pane').setAttribute('aria-busy',
      actions.some(function (action) { return action.busy; }) ? 'true' : 'false');
    link.hidden = !model.link;
    if (model.link) {
      link.href = model.link.href;
      put(link, model.link.label);
    }
    put(byId('step'), model.step);
    /* The button and not the heading: Outlook on the web handles the Tab key itself, and
       knows no way on from an element that Tab does not reach. */
    if ((moveFocus || inside) && actions.length && !byId('pane').contains(document.activeElement)) {
      byId('action').focus();
    }
  }

  /* -- beside the state ---------------------------------------------------------------- */

  function line(id, block) {
    var place = byId(id);
    put(place, block);
    place.hidden = !block;
  }

  /* For whom the room is, and as whom the user has signed in. */
  function people(owner, user, signOut) {
    line('owner', owner && say('forWhom', { owner: owner }));
    byId('user').hidden = !user;
    if (!user) { return; }
    put(byId('user-name'), say('asWhom', { user: user }));
    put(byId('sign-out'), say('signOut'));
    byId('sign-out').hidden = !signOut;
    byId('sign-out').onclick = signOut;
  }

  function slow(cancel) {
    byId('slow').hidden = !cancel;
    if (!cancel) { return; }
    put(byId('slow-text'), say('slow'));
    put(byId('cancel'), say('cancel'));
    byId('cancel').onclick = cancel;
  }

  /* Copies by selecting: the newer clipboard interface is closed to frames. */
  function copyDetails() {
    var selection = window.getSelection();
    var range = document.createRange();
    var copied = false;
    range.setStartBefore(byId('card-reason'));
    range.setEndAfter(byId('card-reference-line'));
    selection.removeAllRanges();
    selection.addRange(range);
    try { copied = document.execCommand('copy'); } catch (ignored) { /* stays selected */ }
    if (copied) {
      selection.removeAllRanges();
      put(byId('copy'), say('copied'));
    }
  }

  byId('copy').addEventListener('click', copyDetails);

  window.pexschedd.view = {
    byId: byId, create: create, put: put, show: show, people: people, slow: slow,
    settled: settled,
    showLog: function () {
      byId('debug').hidden = false;
      put(byId('debug-heading'), say('debugLog'));
      window.pexschedd.showLog(function (text) { byId('debug-log').textContent = text; });
    }
  };
}());
