/* The pane: one state machine between the page, Outlook and the server. ES5.

     loading -> library failed | not in Outlook | unsupported | switched off
     loading -> ready | already | partly
     ready, partly, failed -> working -> added | waiting | partly | failed

   Waiting: the server could not give a room. The meeting got a placeholder and the
   user's token instead, and the server sends the instructions when it is back.

   Loaded before office.js, so that it can say when that does not come. */
(function () {
  'use strict';
  var LIBRARY_PATIENCE = 12000; /* milliseconds until a missing library is reported */
  var SERVER_PATIENCE = 30000;
  var settings = JSON.parse(document.getElementById('settings').textContent);
  var texts = settings.texts;
  var view = window.pexschedd.view;
  var outlook = window.pexschedd.outlook;
  var tags = window.pexschedd.tags;
  var debug = view.debug;

  var room = settings.room;
  var details = null; /* what the server gave us, until it is in the meeting */
  var outage = null; /* why the meeting has to wait, if that was now */
  var written = ''; /* the kind of tag that is there by now, for bodies that cannot be read */
  var working = false;
  var adopted = false; /* the library has come, and will call us */
  var started = false;
  var failedScripts = [];

  /* -- the states ---------------------------------------------------------------- */

  function escaped(text) {
    var element = document.createElement('i');
    element.textContent = text;
    return element.innerHTML;
  }

  function roomName() { return room.name || room.email || 'The room'; }

  function readyState() { return { action: texts.button }; }

  function workingState(step) { return { action: texts.button, busy: true, step: step }; }

  function addedState() {
    return { tone: 'success', heading: texts.success.heading, message: texts.success.message };
  }

  /* The server will write the instructions into the meeting, and send them. */
  function waitingState() {
    return { tone: 'warning', heading: texts.down.heading, message: texts.down.message,
             note: 'Leave the placeholder and the code below it in the meeting: the joining ' +
               'instructions will take their place.',
             reason: outage && outage.message, reference: outage && outage.reference };
  }

  function doneState(tag) { return tag === 'TOK' ? waitingState() : addedState(); }

  function alreadyState() {
    return { tone: 'info', heading: texts.already.heading, message: texts.already.message };
  }

  /* One of the two is there: what is missing can be added without a second room. */
  function partlyState(found, error) {
    var state = { tone: 'warning', action: 'Add what is missing' };
    if (found.tag) {
      state.heading = escaped('The room is not invited');
      state.message = escaped(found.tag === 'TOK' ?
        'This meeting waits for its joining instructions, but ' + roomName() +
          ' is not among the attendees. Without it they are never sent.' :
        'The joining instructions are in this meeting, but ' + roomName() +
          ' is not among the attendees. Without it the room does not open.');
      state.note = error ? 'You can invite it yourself: ' + room.email : '';
    } else {
      state.heading = escaped('The joining instructions are missing');
      state.message = escaped(roomName() + ' is among the attendees, but this meeting has ' +
        'no joining instructions. Without them the meeting is declined.');
    }
    state.reason = error && error.message;
    return state;
  }

  function failedState(error) {
    return { tone: 'error', heading: texts.error.heading, message: texts.error.message,
             reason: error.message, reference: error.reference, action: 'Try again' };
  }

  function libraryState(reason) {
    return { tone: 'error', heading: escaped('The pane cannot start'),
             message: escaped('Outlook’s add-in library could not be loaded. Check your ' +
               'connection, then close this pane and open it again.'),
             reason: reason };
  }

  function notice(heading, message) {
    return { tone: 'info', heading: escaped(heading), message: escaped(message) };
  }

  /* -- the server ---------------------------------------------------------------- */

  function parsed(text) {
    try { return JSON.parse(text); } catch (ignored) { return null; }
  }

  /* An error with `down` is not the user's or the meeting's fault, and passes. */
  function requestDetails(token, finish) {
    var request = new XMLHttpRequest();
    function unreachable(why) {
      return function () {
        debug('meeting_details: ' + why);
        finish({ message: why, down: true });
      };
    }
    request.onload = function () {
      var answer = parsed(request.responseText) || {};
      debug('meeting_details: ' + request.status + ' ' + (answer.correlation_id || ''));
      if (request.status === 200 && answer.result && answer.result.instructions) {
        finish(null, answer.result);
        return;
      }
      finish({
        message: answer.message || 'The server answered with HTTP status ' + request.status + '.',
        reference: answer.correlation_id,
        down: request.status >= 500
      });
    };
    request.onerror = unreachable('The server cannot be reached.');
    request.ontimeout = unreachable('The server does not answer.');
    request.open('GET', 'meeting_details');
    request.timeout = SERVER_PATIENCE;
    request.setRequestHeader('token', token);
    request.setRequestHeader('Accept', 'application/json');
    request.send();
  }

  /* -- adding a room ------------------------------------------------------------- */

  function tokenProblem(error) {
    var code = String(error.code);
    if (code === '9017' || code === '9018') {
      return 'Exchange does not give this mailbox an identity token (' + code + ').';
    }
    return 'Outlook could not sign you in: ' + error.message +
      (code ? ' (' + code + ')' : '');
  }

  function getDetails(finish) {
    if (details) { finish(null); return; }
    view.show(workingState('Signing you in…'));
    outlook.identityToken(function (error, token) {
      if (error) { finish({ message: tokenProblem(error) }); return; }
      debug('token of ' + String(token).length + ' characters, …' + String(token).slice(-6));
      view.show(workingState('Getting a room…'));
      requestDetails(token, function (problem, result) {
        if (!problem) {
          details = { instructions: result.instructions, tag: 'PXPS' };
          room = { name: result.room_name, email: result.room_email };
        } else if (problem.down) {
          details = waitingDetails(token);
          outage = problem;
        }
        finish(details ? null : problem);
      });
    });
  }

  function waitingDetails(token) {
    var instructions = tags.waiting(settings.placeholder, token);
    if (!instructions) { debug('this token cannot be left in the meeting'); }
    return instructions ? { instructions: instructions, tag: 'TOK' } : null;
  }

  /* finish(error, tag): the kind of tag that is in the meeting afterwards. */
  function addInstructions(found, finish) {
    var there = found.tag === null ? written : found.tag;
    if (there) { finish(null, there); return; }
    getDetails(function (error) {
      var adding = details;
      if (error) { finish(error); return; }
      view.show(workingState(adding.tag === 'TOK' ? 'Adding a placeholder…' :
        'Adding the joining instructions…'));
      outlook.addInstructions(adding.instructions, function (problem) {
        /* A room is kept for the next attempt; without one the server is asked again. */
        if (!problem || adding.tag === 'TOK') { details = null; }
        if (!problem) { written = adding.tag; }
        finish(problem, adding.tag);
      });
    });
  }

  function addRoom(found, finish) {
    if (found.room) { finish(null); return; }
    view.show(workingState('Inviting the room…'));
    outlook.addRoom(room, finish);
  }

  function work() {
    if (working) { return; } /* a second click, while the first one is at work */
    working = true;
    view.show(workingState('Looking at the meeting…'));
    outlook.inspect(room, function (found) {
      addInstructions(found, function (error, tag) {
        if (error) { end(failedState(error)); return; }
        addRoom(found, function (problem) {
          end(problem ? partlyState({ tag: tag, room: false }, problem) : doneState(tag));
        });
      });
    });
  }

  function end(state) {
    working = false;
    view.show(state, true);
  }

  /* -- starting ------------------------------------------------------------------ */

  function firstState(found) {
    if (found.tag && found.room) { return alreadyState(); }
    if (found.tag === null && found.room) { return alreadyState(); }
    if (found.tag || found.room) { return partlyState(found); }
    return readyState();
  }

  function start() {
    if (started) { return; }
    started = true;
    clearInterval(watch);
    view.theme(window.Office.context && window.Office.context.officeTheme);
    view.language(window.Office.context && window.Office.context.displayLanguage);
    if (!window.Office.context || !window.Office.context.mailbox) {
      view.show(notice('Open this pane in Outlook',
        'It adds a video meeting room to a meeting that you write in Outlook.'));
    } else if (!outlook.isComposing()) {
      view.show(notice('Open a meeting first',
        'A room can be added while you write or edit a meeting of your own.'));
    } else if (!settings.singleUse) {
      view.show(notice('No rooms to add',
        'Single-use rooms are switched off. Ask your administrator.'));
    } else {
      view.onAction(work);
      outlook.inspect(room, function (found) { view.show(firstState(found)); });
    }
  }

  function adopt() {
    var office = window.Office;
    if (!office || adopted) { return; }
    adopted = true;
    debug('the library is there');
    if (office.onReady) {
      office.initialize = office.initialize || function () { /* older copies insist */ };
      office.onReady(start);
    } else {
      office.initialize = start;
    }
  }

  function libraryFailed(reason) {
    if (!started) { view.show(libraryState(reason)); }
  }

  if (settings.debug) { view.showDebug(); }

  /* A script's events do not bubble, but they can be captured on the way down. */
  window.addEventListener('error', function (event) {
    var source = event.target && event.target.src;
    if (!source) { return; }
    debug('cannot load ' + source);
    failedScripts.push(source);
    if (event.target.id === 'library') { libraryFailed('Cannot load ' + source); }
  }, true);
  document.addEventListener('load', adopt, true);

  var begun = new Date().getTime();
  var watch = setInterval(function () {
    adopt();
    if (new Date().getTime() - begun > LIBRARY_PATIENCE) {
      clearInterval(watch);
      libraryFailed(failedScripts.length ? 'Cannot load ' + failedScripts.join(', ') :
        window.Office ? 'Outlook does not answer.' : 'No answer from ' + settings.library);
    }
  }, 100);
}());
