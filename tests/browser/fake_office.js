/* A stand-in for office.js and the Outlook behind it. The page's `outlook` object, which
   a test sets before the page loads, says what the meeting looks like and what fails. */
(function () {
  'use strict';
  var outlook = window.outlook = window.outlook || {};
  var calls = outlook.calls = [];
  outlook.body = outlook.body || '';
  outlook.bodyType = outlook.bodyType || 'html';
  outlook.required = outlook.required || [];
  outlook.optional = outlook.optional || [];
  outlook.fail = outlook.fail || {}; /* method -> {code, message} */
  outlook.lose = outlook.lose || {}; /* method -> how many times "done" is a lie */
  outlook.delay = outlook.delay || 0;

  function text(html) {
    var page = document.implementation.createHTMLDocument('');
    page.body.innerHTML = html.replace(/ style="[^"]*"/g, '');
    return page.body.textContent;
  }

  function answer(method, args, act) {
    var callback = args[args.length - 1];
    var failure = outlook.fail[method];
    calls.push({ method: method, values: JSON.parse(JSON.stringify(args.slice(0, -1))) });
    if (failure && failure.thrown) { throw new Error(failure.message); }
    setTimeout(function () {
      if (failure && failure.silent) { return; }
      if (failure) {
        callback({ status: 'failed', error: failure });
      } else if (outlook.lose[method] > 0) {
        outlook.lose[method] -= 1;
        callback({ status: 'succeeded' });
      } else {
        callback({ status: 'succeeded', value: act() });
      }
    }, outlook.delay);
  }

  function method(name, act) {
    return function () {
      var args = Array.prototype.slice.call(arguments);
      answer(name, args, function () { return act.apply(null, args); });
    };
  }

  function attendees(list, name) {
    return {
      getAsync: method(name + '.getAsync', function () { return list; }),
      addAsync: method(name + '.addAsync', function (added) {
        added.forEach(function (attendee) { list.push(attendee); });
      })
    };
  }

  var item = {
    body: {
      getTypeAsync: method('getTypeAsync', function () { return outlook.bodyType; }),
      getAsync: method('body.getAsync', function () {
        return outlook.bodyType === 'html' ? text(outlook.body) : outlook.body;
      }),
      prependAsync: method('prependAsync', function (added) {
        outlook.body = added + outlook.body;
      })
    },
    requiredAttendees: attendees(outlook.required, 'required'),
    optionalAttendees: attendees(outlook.optional, 'optional')
  };

  window.Office = {
    CoercionType: { Html: 'html', Text: 'text' },
    context: outlook.noHost ? {} : {
      displayLanguage: outlook.language || 'en-US',
      officeTheme: outlook.theme,
      requirements: {
        isSetSupported: function (set, version) {
          return parseFloat(version) <= (outlook.mailboxSet || 1.5);
        }
      },
      mailbox: {
        item: outlook.readMode ? { body: {} } : item,
        getUserIdentityTokenAsync: method('getUserIdentityTokenAsync', function () {
          return outlook.token || 'good';
        })
      }
    },
    onReady: function (ready) {
      if (!outlook.neverReady) { setTimeout(ready, 0); }
    }
  };
}());
