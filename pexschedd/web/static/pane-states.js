/* The pane's state machine, as data: state -> event -> state. Nothing here knows the
   page, Outlook or the server. docs/pane.md has the same table. ES5. */
(function () {
  'use strict';

  /* What looking at the meeting may find, from every state in which the pane looks. */
  var FOUND = {
    foundNothing: 'ready',
    foundRoom: 'already',
    foundHalf: 'partly',
    foundPlaceholder: 'placeholder',
    foundForeign: 'foreign',
    foundUnreadable: 'unreadable'
  };

  function looking(more) {
    var table = {};
    Object.keys(FOUND).forEach(function (event) { table[event] = FOUND[event]; });
    Object.keys(more).forEach(function (event) { table[event] = more[event]; });
    return table;
  }

  var TABLE = {
    /* The library is on its way, or the pane looks at the meeting. */
    loading: looking({
      libraryMissing: 'libraryFailed',
      outsideOutlook: 'notInOutlook',
      notWriting: 'notWriting',
      tooOld: 'clientTooOld',
      withoutAttendees: 'noAttendees'
    }),
    libraryFailed: { libraryCame: 'loading' },
    notInOutlook: {},
    notWriting: {},
    clientTooOld: {},
    noAttendees: {},

    ready: looking({ add: 'working', listRooms: 'working', signOut: 'working' }),
    unreadable: { lookAgain: 'loading' },

    signInNeeded: { signIn: 'waitingForSignIn', back: 'loading' },
    waitingForSignIn: {
      signIn: 'waitingForSignIn',
      signedIn: 'working',
      failed: 'error',
      cancel: 'signInNeeded'
    },
    choosing: { choose: 'working', back: 'loading', signOut: 'working' },

    /* Something is on its way: the only state in which anything is written. */
    working: looking({
      succeeded: 'added',
      waits: 'placeholder',
      half: 'partly',
      needsSignIn: 'signInNeeded',
      listed: 'choosing',
      removed: 'loading',
      signedOut: 'loading',
      failed: 'error',
      cancel: 'loading'
    }),

    added: looking({ remove: 'working', signOut: 'working' }),
    already: looking({ replace: 'working', remove: 'working', signOut: 'working' }),
    partly: looking({ repair: 'working', replace: 'working', remove: 'working' }),
    foreign: looking({ replace: 'working', remove: 'working' }),
    placeholder: looking({ upgrade: 'working', repair: 'working', remove: 'working' }),
    error: { retry: 'working', signIn: 'waitingForSignIn', back: 'loading' }
  };

  /* The states that are left when the meeting is changed by hand. */
  var WATCHED = ['added', 'already', 'partly', 'placeholder', 'foreign'];

  /* The state after `event`, or null if the state does not know it. */
  function next(state, event) {
    var events = TABLE[state];
    return events && events.hasOwnProperty(event) ? events[event] : null;
  }

  window.pexschedd = window.pexschedd || {};
  window.pexschedd.states = { table: TABLE, next: next, first: 'loading', watched: WATCHED };
}());
