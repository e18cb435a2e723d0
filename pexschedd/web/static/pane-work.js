/* The jobs of the pane: adding, completing, replacing, upgrading and removing a room. Each
   looks at the meeting first, so that a second press, a second pane or one that was closed
   in the middle adds nothing twice. Each ends as finish(event, facts), an event of the
   state machine; `report(name)` tells the step in a word of the pane's. ES5. */
(function () {
  'use strict';
  var KEY = 'pexschedd.request'; /* under which the panes of a meeting share their key */
  var office = window.pexschedd.office;
  var inspect = window.pexschedd.inspect;
  var look = window.pexschedd.look;
  var write = window.pexschedd.write;
  var server = window.pexschedd.server;
  var tokens = window.pexschedd.tokens;
  var tags = window.pexschedd.tags;
  var plainText = window.pexschedd.plainText;
  var settings = null;
  var details = null; /* what the server gave us, until it is in the meeting */
  var key = '';

  function failed(error, kind, finish) { finish('failed', { error: error, kind: kind }); }

  /* -- a room of the server's --------------------------------------------------------- */

  function random() {
    var bytes = new Uint8Array(16);
    (window.crypto || window.msCrypto).getRandomValues(bytes);
    return Array.prototype.map.call(bytes, function (byte) {
      return (256 + byte).toString(16).slice(1);
    }).join('');
  }

  /* The key of this meeting's request: the server gives one room for it, however often
     and from how many panes it is asked. */
  function requestKey(finish) {
    if (key) { finish(key); return; }
    office.remembered(KEY, function (known) {
      key = known || random();
      if (known) { finish(key); return; }
      office.remember(KEY, key, function () { finish(key); });
    });
  }

  function forgetRoom(finish) {
    details = null;
    key = random();
    office.remember(KEY, key, finish);
  }

  /* finish(error, given): given is {instructions, location, kind}, kind 'single' or
     'waiting' for a placeholder with the user's token. `unasked` is the token of a meeting
     that waits: nobody has pressed, so no window opens, and another user's is left alone. */
  function obtain(report, finish, unasked) {
    if (details) { finish(null, details); return; }
    report('signingYouIn');
    tokens.get(Boolean(unasked), function (error, token) {
      if (error) { finish(error); return; }
      if (unasked && !tags.sameUser(unasked, token)) {
        finish({ message: '', reference: '' });
        return;
      }
      report('gettingRoom');
      requestKey(function (id) {
        server.details(token, id, function (problem, result) {
          if (!problem) {
            inspect.learnRoom(result.room_addresses);
            details = { instructions: result.instructions, location: result.location || '',
                        kind: 'single', tag: result.alias_id };
            finish(null, details);
            return;
          }
          finish(problem, waiting(problem, token));
        });
      });
    });
  }

  /* A room is kept for the next attempt; a placeholder is not: the server may be back. */
  function waiting(problem, token) {
    var html = problem.down && tokens.canWait() ? tags.waiting(settings.placeholder, token) : '';
    return html ? { instructions: html, location: '', kind: 'waiting', outage: problem } : null;
  }

  function noteOf(given) {
    var block = write.edges(plainText(given.instructions));
    return { kind: given.kind, opening: block.opening, closing: block.closing,
             location: given.location, name: given.name || '' };
  }

  /* What follows when the text is in the meeting: note, room, location. */
  function settle(given, there, report, finish) {
    var personal = given.kind === 'personal';
    function done() {
      var waits = given.kind === 'waiting';
      finish(waits ? 'waits' : 'succeeded', { kind: given.kind, outage: given.outage,
                                               name: given.name, whole: given.whole,
                                               did: given.did, found: there });
    }
    function locate() {
      if (given.location) { report('addingLocation'); }
      write.addLocation(given.location, done);
    }
    function invite() {
      if (personal || there.room) { locate(); return; }
      report('invitingRoom');
      write.addRoom(function (error) {
        if (!error) { locate(); return; }
        look.glance(function (seen) {
          seen.found.room = false;
          finish('half', { found: seen.found, error: error, owner: 'ours' });
        });
      });
    }
    if (given.instructions) { look.own(given.tag); }
    if (given.kind === 'single') { details = null; }
    if (!given.instructions) { invite(); return; }
    inspect.setNote(noteOf(given), invite);
  }

  /* -- the jobs --------------------------------------------------------------------------- */

  function found(report, finish) {
    report('looking');
    look.look(finish);
  }

  /* Adds a single-use room, or what is missing of one. */
  function add(report, finish) {
    found(report, function (seen) {
      var there = seen.found;
      var text = there.pxps.length || there.token ||
        (there.body === 'closed' && there.note.kind);
      if (seen.event !== 'foundNothing' && seen.event !== 'foundHalf') {
        finish(seen.event, seen);
        return;
      }
      if (seen.shared && !text) { finish(seen.event, seen); return; }
      if (text) {
        settle({ kind: there.token || there.note.kind === 'waiting' && !there.pxps.length ?
                   'waiting' : 'single', location: '', instructions: '' },
          there, report, finish);
        return;
      }
      obtain(report, function (error, given) {
        if (!given) { failed(error, 'single', finish); return; }
        report(given.kind === 'waiting' ? 'addingPlaceholder' : 'addingText');
        write.addInstructions(given.instructions, function (problem) {
          if (problem) { failed(retriable(problem), 'single', finish); return; }
          settle(given, there, report, finish);
        });
      });
    });
  }

  function retriable(problem) {
    return { message: problem.message, reference: '', retry: true, code: problem.code };
  }

  function tagged(mark) {
    return { mark: mark, openings: settings.openings, closing: '' };
  }

  function tokenBlock(token) {
    return { mark: 'TOK:-' + token + '#', closing: '',
             openings: [write.edges(plainText(settings.placeholder)).opening] };
  }

  function noted(note) {
    return { mark: '', openings: [note.opening], closing: note.closing };
  }

  /* Every block of ours that the meeting shows, in an order that keeps the first's place. */
  function blocks(there) {
    var all = there.pxps.map(tagged);
    if (there.note.kind === 'single' && all.length) {
      all[0].openings = all[0].openings.concat([there.note.opening]);
      all[0].closing = there.note.closing.indexOf(all[0].mark) < 0 ? there.note.closing : '';
    }
    if (there.token) { all.push(tokenBlock(there.token)); }
    if (there.personal) { all.push(noted(there.note)); }
    return all;
  }

  /* Cuts blocks one after the other; finish(error, whole). The first gets `html`. */
  function cutAll(list, html, finish, whole) {
    if (!list.length) { finish(null, whole !== false); return; }
    write.replaceBlock(list[0], html, function (error, all) {
      if (error) { finish(error); return; }
      cutAll(list.slice(1), '', finish, whole !== false && all);
    });
  }

  /* Another room in the place of what is there. */
  function replace(report, finish) {
    forgetRoom(function () {
      found(report, function (seen) {
        if (seen.event === 'foundUnreadable' || seen.shared) { finish(seen.event, seen); return; }
        if (!blocks(seen.found).length) { add(report, finish); return; }
        obtain(report, function (error) {
          if (error) { failed(error, 'single', finish); return; }
          exchange(seen, details, report, finish);
        });
      });
    });
  }

  function exchange(seen, given, report, finish) {
    report('addingText');
    write.removeLocation(seen.found.note.location, function () {
      cutAll(blocks(seen.found), given.instructions, function (error, whole) {
        if (error) { overtaken(error, seen, finish); return; }
        given.whole = whole;
        settle(given, seen.found, report, finish);
      });
    });
  }

  /* What was to be cut is gone: perhaps because another pane has put a room there. */
  function overtaken(error, seen, finish) {
    look.look(function (now) {
      if (now.event === 'foundRoom' && String(now.found.pxps) !== String(seen.found.pxps)) {
        finish(now.event, now);
        return;
      }
      failed(retriable(error), 'single', finish);
    });
  }

  /* A meeting that waits gets its room; or else, if its token is old, a new one. */
  function upgrade(report, finish) {
    found(report, function (seen) {
      var token = seen.found.token;
      if (seen.event === 'foundUnreadable' || !token || seen.shared) { finish(seen.event, seen); return; }
      obtain(report, function (error, given) {
        var old = tags.expired(token, new Date().getTime());
        if (!given) { failed(error, 'single', finish); return; }
        if (given.kind === 'waiting' && !old) {
          settle({ kind: 'waiting', location: '', instructions: '', outage: error },
            seen.found, report, finish);
          return;
        }
        relieve(seen, given, report, finish);
      });
    });
  }

  function relieve(seen, given, report, finish) {
    given.did = given.kind === 'waiting' ? 'renewed' : 'upgraded';
    exchange(seen, given, report, finish);
  }

  /* The same when the pane opens, without a press. Nothing is written if the text changes
     meanwhile, because then somebody is typing, or another pane is at it; and a server
     that cannot help leaves the meeting as it is. */
  function upgradeUnasked(seen, report, finish) {
    var token = seen.found.token;
    function leave(error) {
      seen.outage = error.message ? error : null;
      finish('foundPlaceholder', seen);
    }
    inspect.bodyText(function (before) {
      obtain(report, function (error, given) {
        if (!given || (given.kind === 'waiting' && !tags.expired(token, new Date().getTime()))) {
          leave(error);
          return;
        }
        inspect.bodyText(function (now) {
          if (now === null || now !== before) {
            look.look(function (other) { finish(other.event, other); });
            return;
          }
          relieve(seen, given, report, finish);
        });
      }, token);
    });
  }

  /* Takes the text, the room and the location out again. */
  function takeOut(report, finish) {
    function end(error, whole) {
      if (error) { failed(retriable(error), 'remove', finish); return; }
      inspect.setNote(null, function () {
        forgetRoom(function () { finish('removed', { whole: whole }); });
      });
    }
    found(report, function (seen) {
      if (seen.event === 'foundUnreadable') { finish(seen.event, seen); return; }
      report('removing');
      cutAll(blocks(seen.found), '', function (error, whole) {
        if (error) { end(error); return; }
        write.removeLocation(seen.found.note.location, function () {
          if (!seen.found.room) { end(null, whole); return; }
          write.removeRoom(function (problem) { end(problem, whole); });
        });
      });
    });
  }

  /* -- personal rooms ------------------------------------------------------------------------ */

  /* Who asks: the token where Outlook gives one, and what the sign-in gave. */
  function credentials(finish) {
    tokens.get(true, function (error, token) {
      finish({ token: error ? '' : token, session: window.pexschedd.signIn.session() });
    });
  }

  function list(report, finish) {
    report('gettingRooms');
    credentials(function (headers) {
      if (!headers.token && !headers.session) { finish('needsSignIn', {}); return; }
      server.request('GET', 'personal_rooms', headers, null, function (error, result) {
        if (error && error.status === 401) { finish('needsSignIn', {}); return; }
        if (error) { failed(error, 'list', finish); return; }
        finish('listed', { rooms: result.rooms || [], user: result.user || {} });
      });
    });
  }

  function choose(room, report, finish) {
    found(report, function (seen) {
      var there = seen.found;
      var free = seen.event === 'foundNothing' ||
        (seen.event === 'foundHalf' && !there.pxps.length && !there.token);
      if (!free) { finish(seen.event, seen); return; }
      credentials(function (headers) {
        var name = 'personal_rooms/' + encodeURIComponent(room.id);
        server.request('GET', name, headers, null, function (error, result) {
          if (error && error.status === 401) { finish('needsSignIn', {}); return; }
          if (error) { failed(error, 'personal', finish); return; }
          insert(result, there, report, finish);
        });
      });
    });
  }

  function insert(result, there, report, finish) {
    var given = { kind: 'personal', instructions: result.instructions || '',
                  location: result.location || '', name: result.name || '' };
    report('addingText');
    write.addInstructions(given.instructions, function (problem) {
      if (problem) { failed(retriable(problem), 'personal', finish); return; }
      settle(given, there, report, finish);
    });
  }

  window.pexschedd.work = {
    start: function (given) { settings = given; },
    credentials: credentials,
    add: add, replace: replace, upgrade: upgrade, upgradeUnasked: upgradeUnasked,
    takeOut: takeOut, list: list, choose: choose
  };
}());
