/* Writing into the meeting. What is written is read back, for some seconds, because some
   clients say "done" before others can see it. What was answered with success is never
   written again the same way; what nobody knows about, neither. `run.alive()` is false
   once the user has cancelled. ES5. */
(function () {
  'use strict';
  var PAUSES = [0, 300, 700, 1500, 3000]; /* milliseconds before each reading */
  var MOST_LOCATION = 255; /* Outlook's limit */
  var office = window.pexschedd.office;
  var inspect = window.pexschedd.inspect;
  var tags = window.pexschedd.tags;
  var cut = window.pexschedd.cut;
  var plainText = window.pexschedd.plainText;
  var log = window.pexschedd.log;
  var cancelled = 0; /* how often the user has: nothing is begun again after that */

  function lost() {
    return { message: window.pexschedd.words.say('officeLost').text, code: 'lost' };
  }

  /* finish(true as soon as `check` is, false if it never is, null if it cannot say). */
  function settle(check, pauses, finish) {
    var turn = 0;
    function look() {
      check(function (there) {
        turn += 1;
        if (there || turn === pauses.length) { finish(there); return; }
        setTimeout(look, pauses[turn]);
      });
    }
    setTimeout(look, pauses[0]);
  }

  /* finish(error): null if `check` saw what `write` wrote, or cannot see and the write
     was answered with success. One more attempt for a write that was refused. */
  function ensure(write, check, finish, again) {
    var before = cancelled;
    write(function (error) {
      var pauses = error && error.code === 'thrown' ? PAUSES.slice(0, 1) :
        error && error.code !== 'timeout' ? PAUSES.slice(0, 2) : PAUSES;
      settle(check, pauses, function (there) {
        if (there) { finish(null); return; }
        if (there === null) { finish(error); return; }
        if (error && error.code !== 'timeout' && error.code !== 'thrown' &&
            !again && before === cancelled) {
          ensure(write, check, finish, true);
          return;
        }
        finish(error || lost());
      });
    });
  }

  /* -- the body ------------------------------------------------------------------ */

  /* finish(error, type): Office's own words for HTML and text. */
  function bodyType(finish) {
    var types = window.Office.CoercionType;
    office.call(office.item().body, 'body.getTypeAsync', [], function (error, type) {
      finish(error, !error && type === types.Text ? types.Text : types.Html);
    });
  }

  /* Whether the body shows what `html` ends with: its tag, else its first and last line. */
  function shown(html) {
    var text = plainText(html);
    var wanted = tags.inText(text);
    var block = edges(text);
    return function (finish) {
      if (!inspect.canReadBody()) { finish(null); return; }
      inspect.bodyText(function (body) {
        var found;
        if (body === null) { finish(null); return; }
        found = tags.inText(body);
        if (wanted.pxps.length) { finish(found.pxps.indexOf(wanted.pxps[0]) >= 0); return; }
        if (wanted.token) { finish(found.token === wanted.token); return; }
        finish(block.opening ? inspect.shows(body, block) : null);
      });
    };
  }

  /* The first and the last line of a plain text: {opening, closing}. */
  function edges(text) {
    var lines = text.split('\n').filter(function (line) { return tags.compact(line); });
    function short(line) { return (line || '').slice(0, 200); }
    return { opening: short(lines[0]), closing: short(lines[lines.length - 1]) };
  }

  function prepend(html, finish) {
    bodyType(function (error, type) {
      var plain = type === window.Office.CoercionType.Text;
      /* The empty paragraph keeps the user's own text apart. */
      var text = plain ? plainText(html) : html + '<p><br></p>';
      if (error && error.code === 'timeout') { finish(error); return; }
      office.call(office.item().body, 'body.prependAsync', [text, { coercionType: type }],
        finish);
    });
  }

  function addInstructions(html, finish) {
    ensure(function (done) { prepend(html, done); }, shown(html), finish);
  }

  /* Cuts `block` out, see pane-cut.js, and puts `html` in its place; finish(error, whole):
     `whole` is false if only the tag itself could be found. An empty `html` removes. */
  function replaceBlock(block, html, finish) {
    var body = office.item().body;
    var whole = false;
    function written(error) {
      if (error) { finish(error); return; }
      finish(null, whole);
    }
    function gone(done) {
      inspect.bodyText(function (text) {
        var found = text === null ? null : tags.inText(text);
        if (!found) { done(null); return; }
        done(block.mark ? found.pxps.indexOf(block.mark) < 0 && !isToken(found, block) :
          !inspect.shows(text, { opening: block.openings[0], closing: block.closing }));
      });
    }
    bodyType(function (error, type) {
      var plain = type === window.Office.CoercionType.Text;
      if (error) { finish(error); return; }
      office.call(body, 'body.getAsync', [type], function (problem, old) {
        var changed;
        if (problem) { finish(problem); return; }
        changed = changedBody(plain, String(old || ''), block, html);
        if (changed === null) { finish(lost()); return; }
        whole = changed.whole;
        ensure(function (done) {
          office.call(body, 'body.setAsync', [changed.text, { coercionType: type }], done);
        }, html ? shown(html) : gone, written);
      });
    });
  }

  function isToken(found, block) { return Boolean(found.token) && block.mark === 'TOK:-' + found.token + '#'; }

  function changedBody(plain, old, block, html) {
    var one = plain ? cut.text : cut.html;
    var instead = html && plain ? plainText(html) : html;
    var alone = { mark: block.mark, openings: [], closing: '' };
    var text = one(old, block, instead);
    var bare = block.mark ? one(old, alone, instead) : null;
    return text === null ? null : { text: text, whole: !block.mark || text !== bare };
  }

  /* -- the room among the attendees ------------------------------------------------- */

  /* Learns under which address Outlook shows what was added with success: the list has
     one attendee more than before, and that one is nobody who was there. */
  function believe(before, finish) {
    inspect.attendees('requiredAttendees', function (after) {
      var known = (before || []).map(function (one) { return one.emailAddress; });
      var more = (after || []).filter(function (one) {
        return known.indexOf(one.emailAddress) < 0;
      });
      if (before && after && after.length === before.length + 1 && more.length === 1) {
        inspect.believeRoom(more[0]);
        log('the room shows under another address');
      }
      inspect.hasRoom(finish);
    });
  }

  function addRoom(finish) {
    var room = inspect.room();
    var list = office.item().requiredAttendees;
    var attendee = { displayName: room.name || room.email, emailAddress: room.email };
    var begun = cancelled;

    function byAdding(before, done) {
      if (!office.has(list, 'addAsync')) { bySetting(done); return; }
      ensure(function (written) {
        office.call(list, 'required.addAsync', [[attendee]], written);
      }, function (seen) {
        inspect.hasRoom(function (there) {
          if (there === false) { believe(before, seen); } else { seen(there); }
        });
      }, function (error) {
        if (error && error.code !== 'timeout') { bySetting(done, error); } else { done(error); }
      });
    }

    /* The other way, last: it writes the whole list, so that must have been read. */
    function bySetting(done, reason) {
      if (!office.has(list, 'setAsync') || begun !== cancelled) { done(reason || lost()); return; }
      inspect.attendees('requiredAttendees', function (now) {
        if (!now) { done(reason || lost()); return; }
        if (now.some(inspect.isRoom)) { done(null); return; }
        ensure(function (written) {
          office.call(list, 'required.setAsync', [now.map(named).concat([attendee])], written);
        }, inspect.hasRoom, done, true);
      });
    }

    inspect.attendees('requiredAttendees', function (before) { byAdding(before, finish); });
  }

  /* Some clients fail on a name that is empty. */
  function named(one) {
    return { displayName: one.displayName || one.emailAddress, emailAddress: one.emailAddress };
  }

  function removeRoom(finish) {
    function without(role, then) {
      inspect.attendees(role, function (now) {
        var kept = (now || []).filter(function (one) { return !inspect.isRoom(one); });
        if (!now) { then({ message: lost().message, code: 'unknown' }); return; }
        if (kept.length === now.length) { then(null); return; }
        office.call(office.item()[role], role + '.setAsync', [kept.map(named)], then);
      });
    }
    without('requiredAttendees', function (error) {
      if (error) { finish(error); return; }
      without('optionalAttendees', function (problem) {
        if (problem) { finish(problem); return; }
        settle(function (seen) {
          inspect.hasRoom(function (there) { seen(there === null ? null : !there); });
        }, PAUSES, function (gone) { finish(gone === false ? lost() : null); });
      });
    });
  }

  /* -- the location ------------------------------------------------------------------- */

  function hasPlaces() {
    return office.supports('1.8') && office.has(office.item().enhancedLocation, 'addAsync');
  }

  function custom(text) {
    var kinds = window.Office.MailboxEnums && window.Office.MailboxEnums.LocationType;
    return [{ id: text, type: kinds && kinds.Custom || 'custom' }];
  }

  /* Adds to the location. A failure is for the log only: finish(). Where Outlook has but
     one text for it, that is only written if it is empty: it may be a room's name. */
  function addLocation(text, finish) {
    var location = office.item().location;
    if (!text || text.length > MOST_LOCATION || !office.has(location, 'getAsync')) { finish(); return; }
    office.call(location, 'location.getAsync', [], function (error, now) {
      if (error || String(now || '').indexOf(text) >= 0) { finish(); return; }
      if (hasPlaces()) {
        office.call(office.item().enhancedLocation, 'enhancedLocation.addAsync',
          [custom(text)], function () { finish(); });
      } else if (!String(now || '').trim() && office.has(location, 'setAsync')) {
        office.call(location, 'location.setAsync', [text], function () { finish(); });
      } else {
        log('the location stays as it is');
        finish();
      }
    });
  }

  function removeLocation(text, finish) {
    var location = office.item().location;
    if (!text || !office.has(location, 'getAsync')) { finish(); return; }
    office.call(location, 'location.getAsync', [], function (error, now) {
      if (error || String(now || '').indexOf(text) < 0) { finish(); return; }
      if (hasPlaces() && office.has(office.item().enhancedLocation, 'removeAsync')) {
        office.call(office.item().enhancedLocation, 'enhancedLocation.removeAsync',
          [custom(text)], function () { finish(); });
      } else if (String(now).trim() === text && office.has(location, 'setAsync')) {
        office.call(location, 'location.setAsync', [''], function () { finish(); });
      } else {
        finish();
      }
    });
  }

  window.pexschedd.write = {
    addInstructions: addInstructions, replaceBlock: replaceBlock, edges: edges,
    cancel: function () { cancelled += 1; },
    addRoom: addRoom, removeRoom: removeRoom,
    addLocation: addLocation, removeLocation: removeLocation
  };
}());
