/* What each state shows: card and buttons, in words. Pure besides the words. ES5.

   A description is {card, actions, step}, see pane-view.js; an action is named after the
   event or the job that it begins. `facts` is what the last event brought. */
(function () {
  'use strict';
  var words = window.pexschedd.words;
  var tags = window.pexschedd.tags;
  var settings = null;
  var canClose = function () { return false; };

  function say(name, values) { return words.say(name, values); }
  function theirs(name) { return words.theirs('addin_pane_' + name); }

  function action(name, kind, label) {
    return { name: name, kind: kind, label: label || say(name) };
  }

  function room() {
    var given = settings.room;
    return { room: given.name || given.email, email: given.email };
  }

  function card(tone, name, values) {
    return { tone: tone, heading: say(name + 'Heading', values),
             message: say(name + 'Message', values), notes: [] };
  }

  function theirCard(tone, name) {
    return { tone: tone, heading: theirs(name + '_heading'), message: theirs(name + '_message'),
             notes: [] };
  }

  /* What is to be said before Send, whatever the state. */
  function warnings(facts, notes) {
    if (facts.found && facts.found.teams) { notes.push(say('teamsToo')); }
    if (facts.whole === false) { notes.push(say('oldTextLeft')); }
    if (facts.shared) { notes.push(say('occurrence')); }
    return notes;
  }

  /* What the pane has done with a placeholder. */
  function deed(facts, notes) {
    if (facts.did) { notes.push(say(facts.did)); }
  }

  function offers(facts) {
    var list = [];
    if (settings.singleUse && !facts.shared) { list.push(action('add', 'primary', theirs('button_title'))); }
    if (settings.personal) {
      list.push(action('listRooms', list.length ? 'secondary' : 'primary',
        theirs('personal_vmr_add_button')));
    }
    return list;
  }

  function close() { return canClose() ? [action('close', 'primary')] : []; }

  function replacing(kind, facts) {
    return settings.singleUse && !facts.shared ? [action('replace', kind)] : [];
  }

  function removing() { return [action('remove', 'link')]; }

  function notice(tone, name, values, actions) {
    return { card: card(tone, name, values), actions: actions || [] };
  }

  function partly(facts) {
    var there = facts.found;
    var held = !there.pxps.length && there.token;
    var textThere = there.pxps.length || there.token || there.body === 'closed' && !there.room;
    var shown = card('warning', !textThere ? 'textMissing' : held ? 'roomMissingWaiting' :
      'roomMissing', room());
    if (facts.error) {
      shown.notes.push(say('inviteYourself', room()));
      shown.reason = facts.error.message;
    }
    if (there.pxps.length && facts.owner === 'unchecked') { shown.notes.push(say('unchecked')); }
    if (facts.shared && !textThere) {
      shown.notes.push(say('occurrenceText'));
      return { card: shown, actions: [action('remove', 'secondary')] };
    }
    warnings(facts, shown.notes);
    return { card: shown, actions: [action('repair', 'primary')].concat(
      there.pxps.length ? replacing('secondary', facts) : [], textThere ? removing() : []) };
  }

  function placeholder(facts) {
    var token = facts.found && facts.found.token;
    var late = !facts.added && token && tags.expiredAlready(token, new Date().getTime());
    var shown = late ? card('warning', 'expired') : theirCard('warning', 'management_node_down');
    deed(facts, shown.notes);
    if (!late) { shown.notes.push(say('leavePlaceholder')); }
    if (facts.outage) {
      shown.reason = facts.outage.message;
      shown.reference = facts.outage.reference;
    }
    warnings(facts, shown.notes);
    if (facts.shared) { return { card: shown, actions: close().concat(removing()) }; }
    return { card: shown, actions: facts.added && canClose() ?
      close().concat([action('upgrade', 'secondary')], removing()) :
      [action('upgrade', 'primary')].concat(removing()) };
  }

  var ERRORS = {
    single: 'general_error_message',
    list: 'personal_vmr_error_getting_message',
    personal: 'personal_vmr_error_inserting_meeting_message',
    signIn: 'personal_vmr_error_signing_in_message'
  };

  function failure(facts) {
    var error = facts.error;
    var message = facts.kind === 'remove' ? say('removeFailed') :
      !error.retry ? say('noUseTrying') :
      error.textField ? words.theirs(error.textField) :
      theirs(ERRORS[facts.kind] || ERRORS.single);
    return {
      card: { tone: 'error', heading: theirs('general_error_heading'), message: message,
              notes: [], reason: error.message, reference: error.reference },
      actions: (error.retry ? [action('retry', 'primary')] : [])
        .concat([action('back', error.retry ? 'link' : 'secondary')])
    };
  }

  function waitingForSignIn(facts) {
    var byLink = facts.window === 'blocked' || facts.window === 'unwanted';
    var shown = card('info', 'waitingForSignIn');
    if (byLink) { shown.heading = say('signInHeading'); }
    if (facts.window === 'closed') { shown.notes.push(say('windowClosed')); }
    if (facts.window === 'blocked') { shown.notes.push(say('windowBlocked')); }
    return {
      card: shown,
      link: byLink ? { href: facts.url, label: say('signInHere') } : null,
      actions: [action('cancel', 'secondary'), action('signIn', 'link', say('startAgain'))],
      step: say('waitingStep')
    };
  }

  function choosing(facts) {
    var none = !facts.rooms.length;
    return { card: none ? { tone: 'info', heading: theirs('personal_vmr_none_message'), notes: [] } :
               null,
             lead: none ? null : theirs('personal_vmr_select_message'),
             actions: [action('back', 'link')] };
  }

  function added(facts) {
    var shown = theirCard('success', 'success');
    if (facts.name) { shown.notes.push({ text: facts.name, lang: '', dir: 'auto' }); }
    deed(facts, shown.notes);
    warnings(facts, shown.notes);
    return { card: shown, actions: close().concat(removing()) };
  }

  function already(facts) {
    var shown = theirCard('info', 'already_video_meeting');
    var tagged = facts.found && facts.found.pxps.length;
    if (tagged && facts.owner === 'unchecked') { shown.notes.push(say('unchecked')); }
    warnings(facts, shown.notes);
    return { card: shown, actions: close().concat(
      tagged ? replacing('secondary', facts) : [], removing()) };
  }

  function foreign(facts) {
    var known = { another: 1, spent: 1, expired: 1 };
    var name = known[facts.tagState] ? facts.tagState : 'unknown';
    var shown = { tone: 'warning', heading: say('foreignHeading'),
                  message: say(name + 'Tag'), notes: [] };
    warnings(facts, shown.notes);
    return { card: shown, actions: replacing('primary', facts)
      .concat([action('remove', 'secondary')]) };
  }

  function ready(facts) {
    var shown = facts.removed ? card('info', 'removed') :
      settings.singleUse || settings.personal ? null : card('info', 'nothingOffered');
    if (facts.gone || (facts.shared && !shown)) { shown = card('info', 'gone'); }
    if (shown || (facts.found && facts.found.teams)) {
      shown = shown || card('info', 'teams');
      if (facts.whole === false) { shown.notes.push(say('oldTextLeft')); }
      if (facts.shared) { shown.notes.push(say('occurrence')); }
    }
    return { card: shown, actions: offers(facts).concat(facts.shared ? close() : []) };
  }

  var SHOWN = {
    loading: function (facts) { return { step: say(facts.first ? 'loading' : 'looking') }; },
    libraryFailed: function (facts) {
      var shown = card('error', 'library');
      shown.reason = facts.reason;
      return { card: shown };
    },
    notInOutlook: function () { return notice('info', 'notInOutlook'); },
    notWriting: function () { return notice('info', 'notWriting'); },
    clientTooOld: function () { return notice('warning', 'tooOld'); },
    noAttendees: function () { return notice('warning', 'noAttendees', room()); },
    ready: ready,
    unreadable: function () {
      return notice('warning', 'unreadable', null, [action('lookAgain', 'primary')]);
    },
    signInNeeded: function () {
      return notice('info', 'signIn', null, [
        action('signIn', 'primary', theirs('personal_vmr_sign_in_button')),
        action('back', 'link')]);
    },
    waitingForSignIn: waitingForSignIn,
    choosing: choosing,
    working: function (facts) {
      return { step: say(facts.step || 'looking'), actions: facts.pressed || [] };
    },
    added: added,
    already: already,
    partly: partly,
    foreign: foreign,
    placeholder: placeholder,
    error: failure
  };

  /* The description of a state. */
  function describe(state, facts) { return SHOWN[state](facts); }

  window.pexschedd.cards = {
    start: function (given, closing) { settings = given; canClose = closing; },
    describe: describe
  };
}());
