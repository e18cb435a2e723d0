/* Office.js, one call at a time. Every call may throw at once, answer with a failure, or
   never answer; here each ends exactly once, as finish(error, value), and the next one
   begins after it: Outlook on the web allows few at a time. An error is {message, code};
   the code 'timeout' says that nobody knows what became of the call. ES5. */
(function () {
  'use strict';
  var PATIENCE = 15000; /* milliseconds for one call */
  var BRIEF = 3000; /* for what the pane can do without */
  var log = window.pexschedd.log;
  var waiting = [];
  var busy = false;

  function context() { return window.Office && window.Office.context || {}; }

  function mailbox() { return context().mailbox; }

  function item() { return mailbox() && mailbox().item; }

  function supports(version) {
    var requirements = context().requirements;
    if (!requirements || !requirements.isSetSupported) { return version === '1.1'; }
    return requirements.isSetSupported('Mailbox', version);
  }

  /* `name` ends with the method's name; what is before it is for readers of the log. */
  function call(object, name, values, finish) {
    enqueue(object, name, values, PATIENCE, finish);
  }

  /* The same for what the pane can do without: nobody waits long for it. */
  function wish(object, name, values, finish) {
    enqueue(object, name, values, BRIEF, finish);
  }

  function enqueue(object, name, values, patience, finish) {
    waiting.push(function () { run(object, name, values, patience, finish); });
    proceed();
  }

  function proceed() {
    if (!busy && waiting.length) {
      busy = true;
      waiting.shift()();
    }
  }

  function run(object, name, values, patience, finish) {
    var method = name.split('.').pop();
    var over = false;
    var timer = setTimeout(function () {
      end({ message: window.pexschedd.words.say('officeSilent', { call: name }).text,
            code: 'timeout' });
    }, patience);

    function end(error, value) {
      if (over) { return; }
      over = true;
      clearTimeout(timer);
      log(name + ': ' + (error ? 'failed: ' + error.code + ' ' + error.message : 'ok'));
      busy = false;
      try { finish(error, value); } finally { proceed(); }
    }

    function answered(result) {
      var error = result && result.error || {};
      if (result && String(result.status).toLowerCase() === 'succeeded') {
        end(null, result.value);
      } else {
        end({ message: error.message || error.name ||
                window.pexschedd.words.say('officeRefused', { call: name }).text,
              code: error.code || '' });
      }
    }

    try {
      object[method].apply(object, values.concat([answered]));
    } catch (problem) {
      end({ message: String(problem && problem.message || problem), code: 'thrown' });
    }
  }

  function has(object, method) { return Boolean(object && object[method]); }

  /* The event of the state machine that says where the pane was opened; '' beside a
     meeting that is being written. */
  function situation() {
    var it = item();
    if (!mailbox()) { return 'outsideOutlook'; }
    if (!supports('1.1')) { return 'tooOld'; }
    if (!it || !it.body || (it.itemType && it.itemType !== 'appointment')) {
      return 'notWriting';
    }
    if (!has(it.body, 'prependAsync')) { return 'notWriting'; }
    if (!has(it.requiredAttendees, 'addAsync') && !has(it.requiredAttendees, 'setAsync')) {
      return 'withoutAttendees';
    }
    return '';
  }

  /* True for one meeting of a series, false where Outlook does not say so. */
  function isOccurrence() {
    var series = supports('1.7') && item() && item().seriesId;
    return typeof series === 'string' && series !== '';
  }

  /* finish(address of whose calendar the meeting is in, or '' for the user's own). */
  function owner(finish) {
    if (!supports('1.8') || !has(item(), 'getSharedPropertiesAsync')) { finish(''); return; }
    wish(item(), 'getSharedPropertiesAsync', [], function (error, shared) {
      finish(!error && shared && shared.owner || '');
    });
  }

  function iso(time) {
    try { return time ? new Date(time).toISOString() : null; } catch (ignored) { return null; }
  }

  /* finish({item_id, saved, start, end}); what cannot be had is null. */
  function identify(finish) {
    var it = item();
    var found = { item_id: it.itemId || null, saved: it.itemId ? true : null, start: null,
                  end: null };
    function time(name, then) {
      if (!has(it[name], 'getAsync')) { then(); return; }
      wish(it[name], name + '.getAsync', [], function (error, value) {
        found[name] = error ? null : iso(value);
        then();
      });
    }
    function times() {
      time('start', function () { time('end', function () { finish(found); }); });
    }
    if (!supports('1.8') || !has(it, 'getItemIdAsync')) { times(); return; }
    wish(it, 'getItemIdAsync', [], function (error, id) {
      if (error) {
        found.saved = error.code === 'timeout' ? null : false;
      } else {
        found.item_id = id || null;
        found.saved = Boolean(id);
      }
      times();
    });
  }

  /* -- what is kept beside the meeting ------------------------------------------- */

  /* A value that every pane of this meeting sees while it is being written; null where
     Outlook cannot keep one. */
  function remembered(name, finish) {
    var data = item().sessionData;
    if (!supports('1.11') || !has(data, 'getAsync')) { finish(null); return; }
    wish(data, 'sessionData.getAsync', [name], function (error, value) {
      finish(error ? null : value || null);
    });
  }

  function remember(name, value, finish) {
    var data = item().sessionData;
    if (!supports('1.11') || !has(data, 'setAsync')) { finish(); return; }
    wish(data, 'sessionData.setAsync', [name, value], function () { finish(); });
  }

  /* What is kept with the meeting itself, once the user has saved it: text or ''. */
  function property(name, finish) {
    if (!has(item(), 'loadCustomPropertiesAsync')) { finish('', null); return; }
    wish(item(), 'loadCustomPropertiesAsync', [], function (error, properties) {
      var value = '';
      if (error || !properties) { finish('', null); return; }
      try { value = properties.get(name) || ''; } catch (ignored) { /* as if it had none */ }
      finish(String(value), properties);
    });
  }

  function setProperty(name, value, finish) {
    property(name, function (old, properties) {
      if (!properties || old === value) { finish(); return; }
      properties.set(name, value);
      if (!has(properties, 'saveAsync')) { finish(); return; }
      wish(properties, 'properties.saveAsync', [], function () { finish(); });
    });
  }

  /* -- beside the pane --------------------------------------------------------------- */

  /* A line above the meeting; kind is 'progressIndicator', 'informationalMessage' or
     'errorMessage'. Nothing where Outlook has no such lines. */
  function notify(kind, text, finish) {
    var messages = item() && item().notificationMessages;
    var message = { type: kind, message: String(text).slice(0, 150) };
    if (!supports('1.3') || !has(messages, 'replaceAsync')) { finish(); return; }
    if (kind === 'informationalMessage') {
      message.icon = 'icon16';
      message.persistent = false;
    }
    wish(messages, 'notification.replaceAsync', ['pexschedd', message], function () {
      finish();
    });
  }

  function canClose() { return supports('1.5') && has(context().ui, 'closeContainer'); }

  function close() {
    try { context().ui.closeContainer(); } catch (problem) { log('close: ' + problem); }
  }

  function handle(object, name, handler) {
    var events = window.Office.EventType;
    if (!events || !events[name] || !has(object, 'addHandlerAsync')) { return; }
    wish(object, name + '.addHandlerAsync', [events[name], handler], function () { /* or not */ });
  }

  window.pexschedd.office = {
    call: call, has: has, context: context, mailbox: mailbox, item: item,
    supports: supports, situation: situation, isOccurrence: isOccurrence,
    owner: owner, identify: identify,
    remembered: remembered, remember: remember, property: property,
    setProperty: setProperty, notify: notify, canClose: canClose, close: close,
    handle: handle
  };
}());
