/* Outlook on the web as office.js sees it: one appointment that is being written.

   `outlook`, which a test sets before the page loads, is the appointment and how Outlook
   behaves: `fail` {method: {code, name, message, times}}, `lose` {method: times} for
   calls that are answered with success and do nothing, `silent` [method] for calls that
   are never answered, and `delay` in milliseconds. `calls` has what was asked.

   Messages are JSON, with office.js's names: a request has an action and a correlation,
   an item's methods are one action and are told apart by a number. */
(function () {
  'use strict';
  var CONVERSATION = 'pane-1';
  var ADDIN_ID = 'addin-1';
  var HTML = 3; /* the number of Office.CoercionType.Html in requests */
  var MAILBOX = 64; /* of Outlook on the web */
  var COMPOSED_APPOINTMENT = 5;
  var READ_WRITE_ITEM = 3;
  var FAILED_IN_HOST = -5001;

  var outlook = window.outlook = window.outlook || {};
  function given(name, value) {
    if (outlook[name] === undefined) { outlook[name] = value; }
  }
  given('addin', 'https://vc.example.test/api/client/v2/msexchange_schedulers/1/addin?m=1');
  given('set', '1.8');
  given('language', 'en-US');
  given('subject', '');
  given('location', '');
  given('places', []);
  given('body', '');
  given('bodyType', 'html');
  given('required', []);
  given('optional', []);
  given('start', Date.UTC(2030, 0, 15, 9));
  given('end', Date.UTC(2030, 0, 15, 10));
  given('recurrence', null);
  given('series', null);
  given('token', '');
  given('properties', {});
  given('fail', {});
  given('lose', {});
  given('silent', []);
  given('delay', 0);
  outlook.calls = [];

  var pane;

  function text(html) {
    return new DOMParser().parseFromString(html, 'text/html').body.textContent;
  }

  function people(params) {
    return params.recipientField === 0 ? outlook.required : outlook.optional;
  }

  function recipient(person) {
    return { name: person.name, address: person.address, recipientType: 1, appointmentResponse: 0 };
  }

  function place(identifier) {
    return { locationIdentifier: identifier, displayName: identifier.id, emailAddress: '' };
  }

  /* An item's methods by their number: a name for tests, and what it does. */
  var METHODS = {
    2: ['token', function () { return outlook.token; }],
    3: ['properties.load', function () { return JSON.stringify(outlook.properties); }],
    4: ['properties.save', function (params) { outlook.properties = params.customProperties; }],
    14: ['body.type', function () { return outlook.bodyType; }],
    15: ['recipients.get', function (params) { return people(params).map(recipient); }],
    17: ['subject.set', function (params) { outlook.subject = params.subject; }],
    18: ['subject.get', function () { return outlook.subject; }],
    21: ['recipients.set', function (params) {
      var list = people(params);
      list.splice.apply(list, [0, list.length].concat(params.recipientArray));
    }],
    22: ['recipients.add', function (params) {
      Array.prototype.push.apply(people(params), params.recipientArray);
    }],
    23: ['body.prepend', function (params) { outlook.body = params.data + outlook.body; }],
    24: ['time.get', function (params) {
      return params.TimeProperty === 1 ? outlook.start : outlook.end;
    }],
    26: ['location.get', function () { return outlook.location; }],
    27: ['location.set', function (params) { outlook.location = params.location; }],
    37: ['body.get', function (params) {
      return params.coercionType === HTML || outlook.bodyType === 'text' ?
        outlook.body : text(outlook.body);
    }],
    38: ['body.set', function (params) { outlook.body = params.data; }],
    103: ['recurrence.get', function () { return outlook.recurrence; }],
    154: ['places.get', function () { return outlook.places.map(place); }],
    155: ['places.add', function (params) {
      Array.prototype.push.apply(outlook.places, params.enhancedLocations);
    }],
    156: ['places.remove', function (params) {
      var gone = params.enhancedLocations.map(function (one) { return one.id; });
      outlook.places = outlook.places.filter(function (one) { return gone.indexOf(one.id) < 0; });
    }]
  };

  function failure(error) {
    return {
      error: true, wasSuccessful: false, errorCode: error.code,
      errorName: error.name, errorMessage: error.message
    };
  }

  function success(name, value) {
    var answer = { error: false, wasSuccessful: true, errorCode: 0, data: value };
    if (name === 'token') { answer.token = value; }
    if (name === 'properties.load') { answer.customProperties = value; }
    return answer;
  }

  function use(counts, name) {
    if (!(counts[name] > 0)) { return false; }
    counts[name] -= 1;
    return true;
  }

  function perform(name, act, params) {
    var error = outlook.fail[name];
    if (error && (error.times === undefined || error.times > 0)) {
      if (error.times) { error.times -= 1; }
      return failure(error);
    }
    return success(name, use(outlook.lose, name) ? undefined : act(params));
  }

  function appContext() {
    return {
      _id: ADDIN_ID, _appName: MAILBOX, _appVersion: '16.01', _appUILocale: outlook.language,
      _dataLocale: outlook.language, _docUrl: location.href, _clientMode: 0, _settings: {},
      _reason: 1, _osfControlType: 1, _eToken: '', _correlationId: 'c', _appInstanceId: ADDIN_ID,
      _hostFullVersion: '16.01', _addinName: 'Meeting rooms',
      _appDomains: [new URL(outlook.addin).origin],
      _requirementMatrix: JSON.stringify({ mailbox: outlook.set, dialogapi: '1.2' }),
      _clientWindowWidth: 1000, _clientWindowHeight: 800
    };
  }

  function initialData() {
    return {
      permissionLevel: READ_WRITE_ITEM, itemType: COMPOSED_APPOINTMENT, id: null,
      hostVersion: '16.01', userDisplayName: 'Alice Adams', userProfileType: 'enterprise',
      userEmailAddress: 'alice@example.test', userTimeZone: 'UTC', timeZoneOffsets: [],
      owaView: 'ThreeColumns', isFromSharedFolder: false, seriesId: outlook.series
    };
  }

  function answer(request, data, errorCode) {
    pane.contentWindow.postMessage(JSON.stringify({
      _messageType: 1, _responseType: 0, _actionName: request._actionName,
      _conversationId: request._conversationId, _correlationId: request._correlationId,
      _origin: location.origin, _errorCode: errorCode || 0, _data: data, _serializerVersion: 1
    }), new URL(outlook.addin).origin);
  }

  function execute(request) {
    var number = request._data.MethodData.DispatchId;
    var method = METHODS[number];
    var params = request._data.ApiParams || {};
    outlook.calls.push({ method: method ? method[0] : String(number), params: params });
    if (method && outlook.silent.indexOf(method[0]) >= 0) { return; }
    setTimeout(function () {
      if (method) {
        answer(request, perform(method[0], method[1], params));
      } else {
        answer(request, null, FAILED_IN_HOST);
      }
    }, outlook.delay);
  }

  window.addEventListener('message', function (event) {
    var request;
    if (!pane || event.source !== pane.contentWindow) { return; }
    request = JSON.parse(event.data);
    if (request._actionName === 'ContextActivationManager_getAppContextAsync') {
      answer(request, appContext());
    } else if (request._actionName === 'GetInitialData') {
      answer(request, initialData());
    } else if (request._actionName === 'ExecuteMethod') {
      execute(request);
    } else {
      /* Events that nobody here raises, and what the pane only tells. */
      outlook.calls.push({ method: request._actionName, params: request._data });
      answer(request, {});
    }
  });

  document.addEventListener('DOMContentLoaded', function () {
    var host = 'Outlook$Web$16.01$' + outlook.language + '$c$$$';
    var conversation = CONVERSATION + '|' + ADDIN_ID + '|' + location.origin;
    var address = outlook.addin + (outlook.addin.indexOf('?') < 0 ? '?' : '&');
    pane = document.createElement('iframe');
    pane.title = 'Meeting rooms';
    pane.width = 320;
    pane.height = 620;
    pane.name = JSON.stringify({
      baseFrameName: 'pane', hostInfo: host, xdmInfo: conversation, serializerVersion: 1
    });
    pane.src = address + '_host_Info=' + host + '#&_serializer_version=1&_xdm_Info=' + conversation;
    document.querySelector('main').appendChild(pane);
  });
}());
