/* The meeting that is being written in Outlook, as the pane needs it.
   ES5. Every call may throw at once, answer with a failure, or never answer; here each
   ends exactly once, as finish(error, value), and one call follows another: Outlook on
   the web allows few at a time. An error is {message, code}. */
(function () {
  'use strict';
  var PATIENCE = 15000; /* milliseconds for one call */
  var SETTLING = 500; /* milliseconds that Outlook may take to show what was written */
  var BLOCKS = /^(address|article|blockquote|div|dl|dt|dd|h[1-6]|hr|li|ol|p|pre|section|table|tr|ul)$/i;
  var debug = window.pexschedd.view.debug;
  var kindOfTag = window.pexschedd.tags.kind;

  /* `name` ends with the method's name; what is before it is for readers of the log. */
  function call(object, name, values, finish) {
    var method = name.split('.').pop();
    var over = false;
    var timer = setTimeout(function () {
      end({ message: 'Outlook does not answer (' + name + ').', code: 'timeout' });
    }, PATIENCE);

    function end(error, value) {
      if (over) { return; }
      over = true;
      clearTimeout(timer);
      debug(name + ': ' + (error ? 'failed: ' + error.code + ' ' + error.message : 'ok'));
      finish(error, value);
    }

    function answered(result) {
      var error = result.error || {};
      if (String(result.status).toLowerCase() === 'succeeded') {
        end(null, result.value);
      } else {
        end({ message: error.message || error.name || 'Outlook refused (' + name + ').',
              code: error.code || '' });
      }
    }

    try {
      object[method].apply(object, values.concat([answered]));
    } catch (problem) {
      end({ message: String(problem.message || problem), code: 'thrown' });
    }
  }

  function item() {
    var mailbox = window.Office.context && window.Office.context.mailbox;
    return mailbox && mailbox.item;
  }

  /* An appointment in compose mode, seen by its organizer or a delegate. */
  function isComposing() {
    var it = item();
    return Boolean(it && it.body && it.body.prependAsync &&
                   it.requiredAttendees && it.requiredAttendees.addAsync);
  }

  function canReadBody() {
    var requirements = window.Office.context.requirements;
    return Boolean(item().body.getAsync) &&
      (!requirements || requirements.isSetSupported('Mailbox', '1.3'));
  }

  /* finish(null, kind), see pane-tags.js; null where the body cannot be read. */
  function readTag(finish) {
    if (!canReadBody()) { finish(null, null); return; }
    call(item().body, 'body.getAsync', [window.Office.CoercionType.Text], function (error, body) {
      finish(error, error ? null : kindOfTag(body));
    });
  }

  function isRoom(attendee, room) {
    var address = String(attendee.emailAddress || '').toLowerCase();
    if (!room.email) { return false; }
    if (address === room.email.toLowerCase()) { return true; }
    /* Outlook for Windows may give a directory name (/o=…) instead of an address. */
    return address.indexOf('@') < 0 && Boolean(room.name) &&
      attendee.displayName === room.name;
  }

  function hasRoom(room, finish) {
    var it = item();
    function among(list) {
      return (list || []).some(function (attendee) { return isRoom(attendee, room); });
    }
    call(it.requiredAttendees, 'required.getAsync', [], function (error, required) {
      if (error || among(required) || !it.optionalAttendees) {
        finish(error, error ? null : among(required));
        return;
      }
      call(it.optionalAttendees, 'optional.getAsync', [], function (failure, optional) {
        finish(null, !failure && among(optional));
      });
    });
  }

  /* What the meeting has already: {tag, room}, the kind of its tag and whether the room
     is invited; each is null where that cannot be found out. */
  function inspect(room, finish) {
    readTag(function (ignored, tag) {
      hasRoom(room, function (unused, there) {
        debug('tag: ' + tag + ', room: ' + there);
        finish({ tag: tag, room: there });
      });
    });
  }

  /* Writes and reads back. Some clients say "done" and have not, others are done after
     having failed; so the reading decides, a second attempt follows, and no third. */
  function ensure(write, check, finish) {
    var attempts = 0;
    function attempt() {
      attempts += 1;
      write(function (error) { look(error, true); });
    }
    function look(error, mayWait) {
      check(function (unreadable, found) {
        if (found === true) {
          finish(null);
        } else if (unreadable || found === null) {
          finish(error);
        } else if (mayWait) {
          setTimeout(function () { look(error, false); }, SETTLING);
        } else if (attempts < 2) {
          attempt();
        } else {
          finish(error || { message: 'Outlook did not keep what was added.', code: 'lost' });
        }
      });
    }
    attempt();
  }

  function plainText(html) {
    var page = document.implementation.createHTMLDocument('');
    var out = [];
    function walk(node) {
      var name = node.nodeName;
      var block = BLOCKS.test(name);
      var start;
      if (node.nodeType === 3) {
        out.push(node.nodeValue.replace(/[ \t\r\n]+/g, ' '));
        return;
      }
      if (/^(script|style|title)$/i.test(name)) { return; }
      if (/^br$/i.test(name)) { out.push('\n'); return; }
      if (block) { out.push('\n'); }
      start = out.length;
      Array.prototype.forEach.call(node.childNodes, walk);
      if (/^a$/i.test(name)) { link(node, out, start); }
      if (block) { out.push('\n'); }
    }
    /* Styles would only be reported as refused by the page's own policy. */
    page.body.innerHTML = html.replace(/\sstyle\s*=\s*("[^"]*"|'[^']*')/gi, '');
    walk(page.body);
    return out.join('').replace(/ *\n */g, '\n').replace(/\n{3,}/g, '\n\n')
      .replace(/^\s+|\s+$/g, '') + '\n\n';
  }

  function link(node, out, start) {
    var href = node.getAttribute('href') || '';
    var label = out.slice(start).join('').replace(/^\s+|\s+$/g, '');
    if (href && href !== label && href !== 'mailto:' + label && href !== 'tel:' + label) {
      out.push(' <' + href + '>');
    }
  }

  function prepend(html, finish) {
    var body = item().body;
    call(body, 'body.getTypeAsync', [], function (error, type) {
      var plain = !error && type === window.Office.CoercionType.Text;
      /* The empty paragraph keeps the user's own text apart. */
      var text = plain ? plainText(html) : html + '<p><br></p>';
      var coercion = plain ? window.Office.CoercionType.Text : window.Office.CoercionType.Html;
      call(body, 'body.prependAsync', [text, { coercionType: coercion }], finish);
    });
  }

  function addInstructions(html, finish) {
    ensure(function (done) { prepend(html, done); }, function (done) {
      /* Instructions without the tag cannot be found again: believe the call. */
      if (!kindOfTag(plainText(html))) { done(null, null); return; }
      readTag(function (error, tag) { done(error, tag === null ? null : Boolean(tag)); });
    }, finish);
  }

  function addRoom(room, finish) {
    var attendee = { displayName: room.name || room.email, emailAddress: room.email };
    ensure(function (done) {
      call(item().requiredAttendees, 'required.addAsync', [[attendee]], done);
    }, function (done) {
      hasRoom(room, done);
    }, finish);
  }

  function identityToken(finish) {
    call(window.Office.context.mailbox, 'getUserIdentityTokenAsync', [], finish);
  }

  window.pexschedd.outlook = {
    isComposing: isComposing,
    inspect: inspect,
    addInstructions: addInstructions,
    addRoom: addRoom,
    identityToken: identityToken,
    plainText: plainText
  };
}());
