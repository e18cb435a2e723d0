/* Signing in for personal rooms. The window only begins the sign-in, the server completes
   it, and the pane asks the server: so it does not matter whether the window can say
   anything, was blocked, stays blank or is closed. The secrets stay in variables. ES5. */
(function () {
  'use strict';
  var FIRST_PAUSE = 1000; /* milliseconds between questions; each pause is longer */
  var LONGEST_PAUSE = 5000;
  var OPEN_AGAIN = 2000; /* Outlook on the web may think that a dialog is still open */
  var office = window.pexschedd.office;
  var server = window.pexschedd.server;
  var words = window.pexschedd.words;
  var log = window.pexschedd.log;
  var session = '';
  var current = null; /* the attempt on its way: {secret, dialog, timer, over} */

  function absolute(relative) {
    var link = document.createElement('a');
    link.href = relative;
    return link.href;
  }

  /* In which the window's pages are. */
  function language() {
    return office.context().displayLanguage || words.language();
  }

  function closeDialog(attempt) {
    if (!attempt.dialog) { return; }
    try { attempt.dialog.close(); } catch (ignored) { /* closed already */ }
    attempt.dialog = null;
  }

  function end(attempt) {
    attempt.over = true;
    clearTimeout(attempt.timer);
    closeDialog(attempt);
    if (current === attempt) { current = null; }
  }

  /* Opens the window; told(what) with 'opened', 'closed' or 'blocked'. */
  function openDialog(attempt, url, told, again) {
    var ui = office.context().ui;
    if (!office.supports('1.4') || !office.has(ui, 'displayDialogAsync')) {
      told('blocked');
      return;
    }
    function answered(result) {
      var code = result.error && result.error.code;
      if (attempt.over) {
        if (result.value) { try { result.value.close(); } catch (ignored) { /* gone */ } }
        return;
      }
      if (String(result.status).toLowerCase() === 'succeeded') {
        attempt.dialog = result.value;
        listen(attempt, told);
        told('opened');
        return;
      }
      log('dialog: ' + code);
      if (code === 12007 && !again) {
        setTimeout(function () {
          if (!attempt.over) { openDialog(attempt, url, told, true); }
        }, OPEN_AGAIN);
        return;
      }
      told('blocked');
    }
    try {
      ui.displayDialogAsync(url, { height: 60, width: 40, promptBeforeOpen: true }, function (result) {
        /* While Outlook on the web asks the user, it takes the page's elements away; they
           are back when its call has returned. */
        setTimeout(function () { answered(result); }, 0);
      });
    } catch (problem) {
      log('dialog: ' + problem);
      told('blocked');
    }
  }

  function listen(attempt, told) {
    var events = window.Office.EventType || {};
    /* 12006 may be the user, or a page that cuts the window off while it is in use. */
    attempt.dialog.addEventHandler(events.DialogEventReceived || 'dialogEventReceived',
      function (event) {
        log('dialog event ' + (event && event.error));
        attempt.dialog = null;
        if (!attempt.over) { told('closed'); }
      });
    attempt.dialog.addEventHandler(events.DialogMessageReceived || 'dialogMessageReceived',
      function () { if (!attempt.over) { ask(attempt); } });
  }

  function ask(attempt) {
    clearTimeout(attempt.timer);
    if (attempt.asking) { return; }
    attempt.asking = true;
    server.request('GET', 'sign_in', { attempt: attempt.secret }, null, function (error, state) {
      attempt.asking = false;
      if (attempt.over) { return; }
      if (error && !error.down && error.status !== 429) { finish(attempt, error); return; }
      if (!error && state.state === 'done') {
        session = state.session || '';
        finish(attempt, null, state.user || {});
      } else if (!error && state.state === 'failed') {
        finish(attempt, { message: words.reason(state.code, state.message),
                          reference: state.correlation_id || '', code: state.code || '',
                          textField: state.text_field, retry: state.retry !== false });
      } else if (new Date().getTime() > attempt.until) {
        finish(attempt, { message: words.say('signInTooLate').text, retry: true });
      } else {
        attempt.pause = Math.min(attempt.pause * 1.3, LONGEST_PAUSE);
        attempt.timer = setTimeout(function () { ask(attempt); }, attempt.pause);
      }
    });
  }

  function finish(attempt, error, user) {
    end(attempt);
    attempt.finish(error, user);
  }

  /* Begins a sign-in: told(what, url) with 'opened', 'closed', 'blocked' or 'unwanted';
     finish(error, user). `token` may be empty. `plain`: no window, the user opens the link. */
  function begin(token, plain, told, done) {
    var attempt = { finish: done, pause: FIRST_PAUSE, over: false };
    cancel();
    current = attempt;
    server.request('POST', 'sign_in', { token: token, language: language() }, {}, function (error, begun) {
      var url;
      if (attempt.over) { return; }
      if (!error && !(begun && begun.attempt && begun.start)) {
        error = { message: words.say('oddAnswer').text, retry: false };
      }
      if (error) { finish(attempt, error); return; }
      attempt.secret = begun.attempt;
      attempt.until = new Date().getTime() + (begun.expires_in || 600) * 1000;
      url = absolute(begun.start);
      attempt.timer = setTimeout(function () { ask(attempt); }, attempt.pause);
      if (plain) { told('unwanted', url); return; }
      openDialog(attempt, url, function (what) { told(what, url); });
    });
  }

  /* Ends the sign-in on its way, here and on the server. */
  function cancel() {
    var attempt = current;
    if (!attempt) { return; }
    end(attempt);
    if (attempt.secret) {
      server.request('DELETE', 'sign_in', { attempt: attempt.secret }, null,
        function () { /* it expires by itself */ });
    }
  }

  function signOut(token, done) {
    server.request('DELETE', 'session', { token: token, session: session }, null,
      function (error) {
        if (!error || error.status === 401) { session = ''; }
        done(error && error.status !== 401 ? error : null);
      });
  }

  window.pexschedd.signIn = {
    begin: begin, cancel: cancel, signOut: signOut,
    session: function () { return session; },
    forget: function () { session = ''; }
  };
}());
