/* A stand-in for office.js and the Outlook behind it. The page's `outlook` object, which
   a test sets before the page loads, says what the meeting looks like and what fails.

   set      the newest Mailbox requirement set, e.g. '1.5'; methods of newer sets are
            missing, as in old clients
   host     Outlook, newOutlookWindows, OutlookWebApp; platform PC, Mac, OfficeOnline
   fail     method -> {code, message, thrown, silent}: how a call fails
   lose     method -> how many times "done" is a lie
   late     method -> milliseconds after which what was written can be seen
   dialog   what becomes of the sign-in window: 'open', a code that refuses it, or
            {event: code} for one that ends with an event
   shows    the address under which an added attendee appears
   series   the id of the series that the meeting is one of
   owner, language, theme, noHost, readMode, messageMade, naa: as their names say
   sso      Office's answer to getAccessToken: {token}, {code, message} or {silent} */
(function () {
  'use strict';
  var outlook = window.outlook = window.outlook || {};
  var calls = outlook.calls = [];
  var set = String(outlook.set || '1.5').split('.').map(Number);
  var running = 0;
  function preset(name, value) { if (outlook[name] === undefined) { outlook[name] = value; } }
  preset('body', '');
  preset('bodyType', 'html');
  preset('required', []);
  preset('optional', []);
  preset('places', []);
  preset('location', '');
  preset('properties', {});
  preset('session', {});
  preset('fail', {});
  preset('lose', {});
  preset('late', {});
  preset('delay', 0);
  preset('notices', []);
  preset('handlers', {});
  outlook.most = 0; /* calls at once */

  function has(version) {
    var wanted = String(version).split('.').map(Number);
    return wanted[0] < set[0] || (wanted[0] === set[0] && wanted[1] <= set[1]);
  }

  function text(html) {
    var page = document.implementation.createHTMLDocument('');
    page.body.innerHTML = html.replace(/ style="[^"]*"/g, '');
    return page.body.textContent;
  }

  /* Office's calls end with a callback, or with options and one. */
  function answer(name, args, act) {
    var callback = args.filter(function (one) { return typeof one === 'function'; })[0];
    var values = args.filter(function (one) { return typeof one !== 'function'; });
    var failure = outlook.fail[name];
    calls.push({ method: name, values: JSON.parse(JSON.stringify(values)) });
    if (failure && failure.thrown) { throw new Error(failure.message); }
    running += 1;
    outlook.most = Math.max(outlook.most, running);
    setTimeout(function () {
      var value;
      running -= 1;
      if (failure && failure.silent) { return; }
      if (failure) {
        callback({ status: 'failed', error: failure });
      } else if (outlook.lose[name] > 0) {
        outlook.lose[name] -= 1;
        callback({ status: 'succeeded' });
      } else if (outlook.late[name]) {
        setTimeout(function () { act.apply(null, values); }, outlook.late[name]);
        callback({ status: 'succeeded' });
      } else {
        value = act.apply(null, values);
        callback({ status: 'succeeded', value: value });
      }
    }, outlook.delay);
  }

  function method(name, act) {
    return function () { answer(name, Array.prototype.slice.call(arguments), act); };
  }

  function copy(value) { return JSON.parse(JSON.stringify(value)); }

  function attendees(role) {
    return {
      getAsync: method(role + '.getAsync', function () { return copy(outlook[role]); }),
      setAsync: method(role + '.setAsync', function (list) { outlook[role] = copy(list); }),
      addAsync: method(role + '.addAsync', function (added) {
        added.forEach(function (one) {
          outlook[role].push({ displayName: one.displayName,
                               emailAddress: outlook.shows || one.emailAddress });
        });
      })
    };
  }

  function places() {
    return outlook.places.map(function (one) { return one.id; }).join('; ');
  }

  var item = {
    itemType: 'appointment',
    body: {
      getTypeAsync: method('getTypeAsync', function () { return outlook.bodyType; }),
      prependAsync: method('prependAsync', function (added) {
        if (outlook.bodyType === 'text' && /<(?:br|p|div)\b/.test(added)) { throw new Error('html'); }
        outlook.body = added + outlook.body;
      })
    },
    start: { getAsync: method('start.getAsync', function () { return new Date(1796000000000); }) },
    end: { getAsync: method('end.getAsync', function () { return new Date(1796003600000); }) },
    location: {
      getAsync: method('location.getAsync', function () { return outlook.location || places(); }),
      setAsync: method('location.setAsync', function (value) {
        if (value.length > 255) { throw new Error('too long'); }
        outlook.location = value;
      })
    },
    requiredAttendees: attendees('required'),
    optionalAttendees: attendees('optional'),
    loadCustomPropertiesAsync: method('loadCustomPropertiesAsync', function () {
      var values = copy(outlook.properties);
      return {
        get: function (name) { return values[name]; },
        set: function (name, value) { values[name] = value; },
        remove: function (name) { delete values[name]; },
        saveAsync: method('properties.saveAsync', function () { outlook.properties = values; })
      };
    })
  };
  if (has('1.3')) {
    item.body.getAsync = method('body.getAsync', function (type) {
      if (outlook.bodyType === 'html' && type === 'text') { return text(outlook.body); }
      return outlook.body;
    });
    item.body.setAsync = method('body.setAsync', function (whole) { outlook.body = whole; });
    item.notificationMessages = {
      replaceAsync: method('notification.replaceAsync', function (key, message) {
        outlook.notices.push(message);
      })
    };
  }
  if (has('1.7')) {
    item.seriesId = outlook.series || null;
    item.addHandlerAsync = function (name, handler) {
      answer('item.addHandlerAsync', [arguments[2]], function () {
        outlook.handlers[name] = handler;
      });
    };
  }
  if (has('1.8')) {
    item.enhancedLocation = {
      addAsync: method('enhancedLocation.addAsync', function (list) {
        outlook.places = outlook.places.concat(copy(list));
      }),
      removeAsync: method('enhancedLocation.removeAsync', function (list) {
        outlook.places = outlook.places.filter(function (one) { return one.id !== list[0].id; });
      })
    };
    item.getItemIdAsync = function (callback) {
      calls.push({ method: 'getItemIdAsync', values: [] });
      setTimeout(function () {
        callback(outlook.itemId ? { status: 'succeeded', value: outlook.itemId } :
          { status: 'failed', error: { code: 9020, message: 'not saved' } });
      }, outlook.delay);
    };
    item.getSharedPropertiesAsync = function (callback) {
      calls.push({ method: 'getSharedPropertiesAsync', values: [] });
      setTimeout(function () {
        callback(outlook.owner ? { status: 'succeeded', value: { owner: outlook.owner } } :
          { status: 'failed', error: { code: 9020, message: 'not shared' } });
      }, outlook.delay);
    };
  }
  if (has('1.11')) {
    item.sessionData = {
      getAsync: method('sessionData.getAsync', function (name) { return outlook.session[name]; }),
      setAsync: method('sessionData.setAsync', function (name, value) {
        outlook.session[name] = value;
      })
    };
  }
  if (outlook.messageMade) {
    delete item.requiredAttendees;
    delete item.optionalAttendees;
  }

  function openDialog(url, options, callback) {
    var handlers = {};
    var plan = outlook.dialog || 'open';
    outlook.dialogs = (outlook.dialogs || []).concat([url]);
    setTimeout(function () {
      if (typeof plan === 'number') {
        callback({ status: 'failed', error: { code: plan, message: 'no window' } });
        return;
      }
      callback({ status: 'succeeded', value: {
        addEventHandler: function (name, handler) { handlers[name] = handler; },
        close: function () { outlook.dialogClosed = true; }
      } });
      if (plan.event) {
        setTimeout(function () {
          if (handlers.dialogEventReceived) { handlers.dialogEventReceived({ error: plan.event }); }
        }, 0);
      }
    }, 0);
  }

  window.Office = {
    CoercionType: { Html: 'html', Text: 'text' },
    EventType: {
      DialogEventReceived: 'dialogEventReceived', DialogMessageReceived: 'dialogMessageReceived',
      RecipientsChanged: 'olkRecipientsChanged', OfficeThemeChanged: 'olkOfficeThemeChanged'
    },
    MailboxEnums: { LocationType: { Custom: 'custom', Room: 'room' } },
    actions: { associate: function (name, run) { outlook[name] = run; } },
    context: outlook.noHost ? {} : {
      displayLanguage: outlook.language || 'en-US',
      officeTheme: outlook.theme,
      platform: outlook.platform || 'OfficeOnline',
      requirements: {
        isSetSupported: function (name, version) {
          if (name === 'NestedAppAuth') { return Boolean(outlook.naa); }
          return has(version);
        }
      },
      ui: {
        displayDialogAsync: has('1.4') ? openDialog : undefined,
        closeContainer: has('1.5') ? function () { outlook.closed = true; } : undefined
      },
      mailbox: {
        diagnostics: { hostName: outlook.host || 'OutlookWebApp' },
        item: outlook.readMode ? { itemType: 'appointment', body: {} } : item,
        getUserIdentityTokenAsync: method('getUserIdentityTokenAsync', function () {
          return outlook.token || 'good';
        }),
        addHandlerAsync: function (name, handler, done) {
          outlook.handlers[name] = handler;
          setTimeout(function () { done({ status: 'succeeded' }); }, 0);
        }
      }
    },
    auth: outlook.sso && {
      getAccessToken: function (options) {
        calls.push({ method: 'getAccessToken', values: [options] });
        return new Promise(function (resolve, reject) {
          if (outlook.sso.silent) { return; }
          if (outlook.sso.token) { resolve(outlook.sso.token); } else { reject(outlook.sso); }
        });
      }
    },
    onReady: function (ready) {
      if (!outlook.neverReady) { setTimeout(ready, 0); }
    }
  };
}());
