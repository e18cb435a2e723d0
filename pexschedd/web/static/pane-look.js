/* Looking at the meeting: what is there, and whose the tags in it are, which only the
   server knows. ES5. */
(function () {
  'use strict';
  var OURS = { free: true, 'this': true };
  var office = window.pexschedd.office;
  var inspect = window.pexschedd.inspect;
  var server = window.pexschedd.server;
  var tokens = window.pexschedd.tokens;
  var log = window.pexschedd.log;
  var states = {}; /* tag -> what the server said of it */
  var written = false; /* whether this pane has put a room into the meeting */
  var shared = false;

  /* This pane has written the text with `tag`, which a text without one does not have. */
  function own(tag) {
    written = true;
    if (tag) { states[tag] = 'free'; }
  }

  /* Whether this is one meeting of a series that has a room, as far as can be seen: it
     came with one. All of a series has one room, so that another one is declined here;
     also after the old one was removed. */
  function isShared(found) {
    if (!written && (found.pxps.length || found.token || found.room) && office.isOccurrence()) {
      shared = true;
    }
    return shared;
  }

  function stateOf(tag) {
    return Object.prototype.hasOwnProperty.call(states, tag) ? states[tag] : '';
  }

  /* 'ours' if one of the tags is, 'foreign' if none is, 'unchecked' if that is not known. */
  function ownerOf(found) {
    var known = found.pxps.map(stateOf);
    if (known.some(function (state) { return OURS[state]; })) { return 'ours'; }
    return known.length && known.every(Boolean) ? 'foreign' : 'unchecked';
  }

  /* Asks about the tags that are not known yet; finish() in any case. */
  function check(found, finish) {
    var asked = found.pxps.filter(function (tag) { return !stateOf(tag); });
    if (!asked.length) { finish(); return; }
    tokens.get(true, function (error, token) {
      if (error) { log('the tags cannot be checked'); finish(); return; }
      office.identify(function (meeting) {
        meeting.tags = asked;
        server.tags(token, meeting, function (problem, answer) {
          if (!problem && answer && answer.tags) {
            inspect.learnRoom(answer.room_addresses);
            asked.forEach(function (tag) {
              var said = answer.tags[tag];
              if (said && said.state) { states[tag] = String(said.state); }
            });
          }
          finish();
        });
      });
    });
  }

  function result(found) {
    var owner = ownerOf(found);
    return { event: inspect.verdict(found, owner), found: found, owner: owner,
             tagState: found.pxps.length ? stateOf(found.pxps[0]) : '',
             shared: isShared(found) };
  }

  /* finish({event, found, owner, tagState, shared}): `event` for the state machine. What the
     server tells about the room's addresses counts at once. */
  function look(finish) {
    inspect.inspect(function (found) {
      var names = inspect.room().addresses.length;
      check(found, function () {
        if (found.room !== false || inspect.room().addresses.length === names) {
          finish(result(found));
          return;
        }
        inspect.hasRoom(function (there) {
          found.room = there;
          finish(result(found));
        });
      });
    });
  }

  /* The same without asking the server: for watching. */
  function glance(finish) {
    inspect.inspect(function (found) { finish(result(found)); });
  }

  window.pexschedd.look = { look: look, glance: glance, own: own };
}());
