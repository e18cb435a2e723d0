/* The pane: joins the state machine with the page, Outlook and the server. ES5.

   An event moves the machine and shows the new state; a job (pane-work.js) runs in the
   state `working` and ends with an event. */
(function () {
  'use strict';
  var SLOW = 5000; /* milliseconds of work until the pane offers to give up */
  var GLANCES = 5000; /* milliseconds between looks for what was changed by hand */
  var CLOSING = 1500;
  var P = window.pexschedd;
  var settings = JSON.parse(document.getElementById('settings').textContent);
  var state = P.states.first;
  var facts = { first: true };
  var job = null; /* the job on its way: {name, run, over} */
  var last = null; /* what "try again" begins again */
  var owner = '';
  var user = null;
  var doubted = ''; /* what a glance has seen once: the second one counts */
  var glancing = false;

  /* -- the machine ------------------------------------------------------------------------ */

  function fire(event, given) {
    var next = P.states.next(state, event);
    if (!next) {
      P.log('no way from ' + state + ' by ' + event);
      return false;
    }
    P.log(state + ' -> ' + event + ' -> ' + next);
    state = next;
    facts = given || {};
    doubted = '';
    return true;
  }

  function show(moveFocus) {
    var model = P.cards.describe(state, facts);
    (model.actions || []).forEach(function (action) {
      if (!action.press) { action.press = function () { press(action.name); }; }
    });
    P.rooms.hide();
    P.view.put(P.view.byId('choice-lead'), model.lead);
    P.view.people(owner, user, P.states.next(state, 'signOut') && signOut);
    P.view.show(model, moveFocus);
    if (state === 'choosing' && facts.rooms.length) { P.rooms.show(facts.rooms, choose); }
  }

  function go(event, given, moveFocus) {
    if (fire(event, given)) { show(moveFocus); }
    if (state === 'loading') { look(); }
    if (state === 'added' && moveFocus) { leave(); }
  }

  /* -- jobs ------------------------------------------------------------------------------- */

  /* The buttons as they are, the pressed one turning. */
  function turning(name) {
    var before = (P.cards.describe(state, facts).actions || []);
    var pressed = before.filter(function (one) { return one.name === name; });
    return pressed.map(function (one) {
      return { name: one.name, kind: 'primary', label: one.label, busy: true,
               press: function () { /* it is at work */ } };
    });
  }

  /* Begins run(report, finish) by `event`; a second press finds the machine at work.
     Without a press, `unasked` is what "try again" begins, and the focus stays. */
  function work(event, name, run, unasked) {
    var pressed = turning(name || event);
    var mine = { over: false };
    if (!fire(event, { step: 'looking', pressed: pressed })) { return; }
    job = mine;
    last = { event: event, run: unasked || run };
    show(false);
    mine.slow = setTimeout(function () { P.view.slow(function () { cancel(mine); }); }, SLOW);
    run(function (step) {
      if (mine.over) { return; }
      facts.step = step;
      show(false);
    }, function (result, given) {
      if (mine.over) { return; }
      end(mine);
      given = given || {};
      given.added = result === 'waits';
      if (given.user) { user = given.user.name || given.user.email || ''; }
      go(result, given, !unasked);
    });
  }

  function end(mine) {
    mine.over = true;
    clearTimeout(mine.slow);
    P.view.slow(null);
    job = null;
  }

  /* Whatever is on its way in Outlook by now is seen when the pane looks again. */
  function cancel(mine) {
    if (mine.over) { return; }
    end(mine);
    P.write.cancel();
    P.server.abandon();
    go('cancel', {}, true);
  }

  function choose(room) {
    work('choose', '', function (report, finish) { P.work.choose(room, report, finish); });
  }

  function signOut() {
    work('signOut', '', function (report, finish) {
      report('signingOut');
      P.work.credentials(function (headers) {
        P.signIn.signOut(headers.token, function (error) {
          if (error) { finish('failed', { error: error, kind: 'signIn' }); return; }
          user = null;
          finish('signedOut', {});
        });
      });
    });
  }

  function retry() {
    var again = last;
    if (facts.kind === 'signIn' && P.states.next(state, 'signIn')) { signIn(false); return; }
    work('retry', 'retry', again.run);
  }

  /* -- signing in -------------------------------------------------------------------------- */

  function signIn(plain) {
    if (!fire('signIn', { window: '' })) { return; }
    show(true);
    P.work.credentials(function (headers) {
      if (state !== 'waitingForSignIn') { return; }
      P.signIn.begin(headers.token, plain, function (what, url) {
        if (state !== 'waitingForSignIn') { return; }
        facts = { window: what, url: url };
        show(false);
      }, function (error, who) {
        if (state !== 'waitingForSignIn') { return; }
        if (error) { go('failed', { error: error, kind: 'signIn' }, true); return; }
        user = who.name || who.email || '';
        work('signedIn', '', P.work.list);
      });
    });
  }

  /* -- presses ------------------------------------------------------------------------------ */

  var PRESSES = {
    add: function () { work('add', 'add', P.work.add); },
    repair: function () { work('repair', 'repair', P.work.add); },
    replace: function () { work('replace', 'replace', P.work.replace); },
    upgrade: function () { work('upgrade', 'upgrade', P.work.upgrade); },
    remove: function () {
      work('remove', 'remove', function (report, finish) {
        P.work.takeOut(report, function (event, given) {
          given.removed = event === 'removed';
          finish(event, given);
        });
      });
    },
    listRooms: function () { work('listRooms', 'listRooms', P.work.list); },
    retry: retry,
    lookAgain: function () { go('lookAgain', {}, true); },
    back: function () { go('back', {}, true); },
    /* The second time without a window: the first one did not do. */
    signIn: function () { signIn(state === 'waitingForSignIn'); },
    cancel: function () {
      P.signIn.cancel();
      go('cancel', {}, true);
    },
    close: function () { P.office.close(); }
  };

  function press(name) {
    if (job) { return; }
    P.log('pressed ' + name);
    PRESSES[name]();
  }

  /* -- looking -------------------------------------------------------------------------------- */

  function look() {
    var before = facts;
    P.look.look(function (seen) {
      if (state !== 'loading') { return; }
      seen.removed = before.removed;
      seen.whole = before.whole;
      if (before.first && settings.singleUse && seen.event === 'foundPlaceholder' &&
          seen.found.token && !seen.shared) {
        fire(seen.event, seen);
        work('upgrade', 'upgrade', function (report, finish) {
          P.work.upgradeUnasked(seen, report, finish);
        }, P.work.upgrade);
        return;
      }
      go(seen.event, seen, Boolean(before.removed) || !before.first && document.hasFocus());
    });
  }

  /* Looks again while a result is shown: the user may have removed text or room. Some
     clients show an old state for a while, so it takes two looks. */
  function glance() {
    if (P.states.watched.indexOf(state) < 0 || document.hidden || glancing || job) { return; }
    glancing = true;
    P.look.glance(function (seen) {
      glancing = false;
      if (job || P.states.watched.indexOf(state) < 0) { return; }
      if (isSame(seen)) { doubted = ''; return; }
      if (doubted !== seen.event) { doubted = seen.event; return; }
      seen.gone = seen.event === 'foundNothing';
      go(seen.event, seen, false);
    });
  }

  function isSame(seen) {
    return seen.event === 'foundUnreadable' || P.states.next(state, seen.event) === state ||
      (state === 'added' && seen.event === 'foundRoom');
  }

  /* The option to close the pane once all is done, and nothing is left to be said. */
  function leave() {
    var notes = P.cards.describe(state, facts).card.notes.length;
    if (!settings.closeOnSuccess || !P.office.canClose() || (notes && !facts.name)) { return; }
    P.office.notify('informationalMessage', P.words.say('addedNotice').text, function () {
      setTimeout(function () { if (state === 'added') { P.office.close(); } }, CLOSING);
    });
  }

  /* -- starting ---------------------------------------------------------------------------------- */

  function speak(finish) {
    var wanted = P.office.context().displayLanguage || window.navigator.language;
    P.words.use(wanted, function () {
      var language = P.words.language();
      P.theme.language(language, P.words.direction(wanted || language));
      ['title', 'description'].forEach(function (name) {
        P.view.put(P.view.byId(name), P.words.theirs('addin_pane_' + name));
      });
      if (settings.debug) { P.view.showLog(); }
      finish();
    });
  }

  function start() {
    if (state === 'libraryFailed') { fire('libraryCame', { first: true }); }
    P.theme.follow(P.office.context().officeTheme);
    speak(function () {
      var situation = P.office.situation();
      show(false);
      if (situation) { go(situation, {}, false); return; }
      P.office.handle(P.office.mailbox(), 'OfficeThemeChanged', function (event) {
        P.theme.follow(event && event.officeTheme || P.office.context().officeTheme);
      });
      P.office.handle(P.office.item(), 'RecipientsChanged', glance);
      setInterval(glance, GLANCES);
      P.office.owner(function (address) {
        owner = address;
        look();
      });
    });
  }

  P.words.start(settings);
  P.cards.start(settings, P.office.canClose);
  P.work.start(settings);
  P.tokens.start(settings.auth);
  P.inspect.startRoom(settings.room);
  if (settings.debug) { P.view.showLog(); }
  show(false);
  P.library.wait(settings.library, start, function (reason) {
    speak(function () { go('libraryMissing', { reason: reason }, false); });
  });
}());
