/* What the meeting holds already. What could not be read is unknown, never absent. ES5. */
(function () {
  'use strict';
  var TEAMS = /https:\/\/(?:teams\.microsoft\.com|teams\.live\.com|teams\.microsoft\.us)\/(?:l\/meetup-join|meet)\//i;
  var OWN = 'pexschedd'; /* the name of our property of the meeting */
  var office = window.pexschedd.office;
  var tags = window.pexschedd.tags;
  var log = window.pexschedd.log;

  /* The room under all its names; `addresses` in lower case, without a type before them. */
  var room = { name: '', email: '', names: [], addresses: [] };

  function bare(address) {
    return String(address || '').toLowerCase().replace(/^(?:smtp|ex|x500):/, '');
  }

  function put(list, value) {
    if (value && list.indexOf(value) < 0) { list.push(value); }
  }

  function startRoom(given) {
    room = { name: given.name, email: given.email, names: [], addresses: [] };
    put(room.names, given.name);
    put(room.addresses, bare(given.email));
  }

  /* The server's `room_addresses`, {name, addresses}. */
  function learnRoom(known) {
    if (!known) { return; }
    put(room.names, known.name);
    (known.addresses || []).forEach(function (address) { put(room.addresses, bare(address)); });
  }

  function believeRoom(attendee) { put(room.addresses, bare(attendee.emailAddress)); }

  function isRoom(attendee) {
    var address = bare(attendee.emailAddress);
    if (room.addresses.indexOf(address) >= 0) { return true; }
    /* Outlook for Windows may give a directory name (/o=…) instead of an address. */
    return address.indexOf('@') < 0 && room.names.indexOf(attendee.displayName) >= 0;
  }

  /* finish(attendees, or null if the list could not be read). */
  function attendees(role, finish) {
    var list = office.item()[role];
    if (!office.has(list, 'getAsync')) { finish(role === 'optionalAttendees' ? [] : null); return; }
    call(list, role, finish);
  }

  function call(list, role, finish) {
    office.call(list, role + '.getAsync', [], function (error, value) {
      finish(error ? null : value || []);
    });
  }

  /* finish(true, false, or null for unknown). */
  function hasRoom(finish) {
    if (!room.email) { finish(false); return; }
    attendees('requiredAttendees', function (required) {
      if (required && required.some(isRoom)) { finish(true); return; }
      attendees('optionalAttendees', function (optional) {
        if (optional && optional.some(isRoom)) { finish(true); return; }
        finish(required && optional ? false : null);
      });
    });
  }

  function canReadBody() {
    return office.supports('1.3') && office.has(office.item().body, 'getAsync');
  }

  /* finish(text, or null if it could not be read). */
  function bodyText(finish) {
    office.call(office.item().body, 'body.getAsync', [window.Office.CoercionType.Text],
      function (error, text) { finish(error ? null : String(text || '')); });
  }

  /* What the pane has noted about the meeting: {kind, opening, closing, location, name}. */
  function note(finish) {
    office.property(OWN, function (text) {
      var found = null;
      try { found = JSON.parse(text); } catch (ignored) { /* no note, or none of ours */ }
      finish(found && typeof found === 'object' ? found : {});
    });
  }

  function setNote(value, finish) {
    office.setProperty(OWN, value ? JSON.stringify(value) : '', finish);
  }

  /* Whether a text shows a block that begins and ends like this. */
  function shows(text, block) {
    var shown = tags.compact(text);
    var opening = tags.compact(block.opening || '');
    var closing = tags.compact(block.closing || '');
    var at = opening ? shown.indexOf(opening) : -1;
    return at >= 0 && shown.indexOf(closing, at) >= 0;
  }

  /* finish(found): `body` is 'read', 'closed' where Outlook never shows it, or 'unknown';
     `pxps`, `token`, see pane-tags.js; `room` true, false or null for unknown; `personal`
     whether a personal room's text is there; `teams` whether a Teams link is. */
  function inspect(finish) {
    var found = { body: 'closed', pxps: [], token: '', room: null, personal: false,
                  teams: false, note: {} };
    function people() {
      hasRoom(function (there) {
        found.room = there;
        log('found: body ' + found.body + ', ' + found.pxps.length + ' tags, token ' +
          Boolean(found.token) + ', personal ' + found.personal + ', room ' + there);
        finish(found);
      });
    }
    note(function (noted) {
      found.note = noted;
      if (!canReadBody()) { people(); return; }
      bodyText(function (text) {
        var tagged;
        if (text === null) { found.body = 'unknown'; people(); return; }
        tagged = tags.inText(text);
        found.body = 'read';
        found.pxps = tagged.pxps;
        found.token = tagged.token;
        found.personal = noted.kind === 'personal' && shows(text, noted);
        found.teams = TEAMS.test(text);
        people();
      });
    });
  }

  /* The event of the state machine for what was found. `owner` says whose the tags are:
     'ours', 'foreign' or 'unchecked'. Pure. */
  function verdict(found, owner) {
    if (found.body === 'unknown' || found.room === null) { return 'foundUnreadable'; }
    if (found.pxps.length) {
      if (owner === 'foreign') { return 'foundForeign'; }
      return found.room ? 'foundRoom' : 'foundHalf';
    }
    if (found.token) { return found.room ? 'foundPlaceholder' : 'foundHalf'; }
    if (found.personal) { return 'foundRoom'; }
    if (found.body === 'closed') {
      if (found.note.kind === 'personal') { return 'foundRoom'; }
      if (found.room) { return found.note.kind === 'waiting' ? 'foundPlaceholder' : 'foundRoom'; }
      return found.note.kind ? 'foundHalf' : 'foundNothing';
    }
    return found.room ? 'foundHalf' : 'foundNothing';
  }

  window.pexschedd.inspect = {
    inspect: inspect, verdict: verdict, hasRoom: hasRoom, isRoom: isRoom,
    attendees: attendees, bodyText: bodyText, canReadBody: canReadBody, shows: shows,
    setNote: setNote, startRoom: startRoom, learnRoom: learnRoom, believeRoom: believeRoom,
    room: function () { return room; }
  };
}());
