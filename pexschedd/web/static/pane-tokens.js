/* The user's token: Exchange's own, or one of Microsoft 365. That comes through nested app
   authentication, whose library is loaded only where Outlook has that, or from Outlook's
   own single sign-on. ES5: promises are only handled where these, which need a newer
   engine, give them. */
(function () {
  'use strict';
  var SCRIPT_PATIENCE = 20000; /* milliseconds for the library */
  var SILENT_PATIENCE = 20000;
  var ASKING_PATIENCE = 300000; /* somebody is typing a password */
  var office = window.pexschedd.office;
  var log = window.pexschedd.log;
  var auth = null;
  var application = null;

  function say(name, values) { return window.pexschedd.words.say(name, values).text; }

  function start(given) { auth = given; }

  function exchange(finish) {
    office.call(office.mailbox(), 'getUserIdentityTokenAsync', [], function (error, token) {
      var code = error && String(error.code);
      if (!error) { finish(null, token); return; }
      /* 9017 and 9018: Exchange does not give such tokens, now or ever. */
      finish(code === '9017' || code === '9018' ?
        { message: say('noExchangeToken', { code: code }), retry: code === '9017' } :
        { message: say('noToken', { reason: error.message + (code ? ' (' + code + ')' : '') }),
          retry: true });
    });
  }

  /* -- Microsoft 365 ------------------------------------------------------------------- */

  function isNested() {
    var requirements = office.context().requirements;
    return Boolean(requirements && requirements.isSetSupported &&
      requirements.isSetSupported('NestedAppAuth', '1.1'));
  }

  function load(finish) {
    var script = document.createElement('script');
    var timer = setTimeout(function () { end(say('noMsal')); }, SCRIPT_PATIENCE);
    var over = false;
    function end(problem) {
      if (over) { return; }
      over = true;
      clearTimeout(timer);
      finish(problem);
    }
    if (window.msal) { end(''); return; }
    script.src = auth.msal;
    script.onload = function () { end(window.msal ? '' : say('noMsal')); };
    script.onerror = function () { end(say('noMsal')); };
    document.body.appendChild(script);
  }

  function failure(problem) {
    return { message: say('noToken', { reason: String(problem && (problem.errorCode ||
      problem.message || problem.code) || problem).slice(0, 300) }), retry: true };
  }

  function unsupported() {
    return { message: say('noNested'), retry: false, unsupported: true };
  }

  /* Finishes once, with an error if nothing has come after `patience` milliseconds. */
  function once(patience, call, finish) {
    var over = false;
    var timer = setTimeout(function () {
      end({ message: say('officeSilent', { call: call }), retry: true });
    }, patience);
    function end(error, token) {
      if (over) { return; }
      over = true;
      clearTimeout(timer);
      finish(error, token);
    }
    return end;
  }

  /* -- Outlook's single sign-on --------------------------------------------------------- */

  var NOT_HERE = /^1300[03]$|^13012$/; /* this Outlook or this kind of account has none */

  function single(silent, finish) {
    var runtime = window.OfficeRuntime && window.OfficeRuntime.auth;
    var source = runtime || (window.Office && window.Office.auth);
    var end;
    if (!source || !source.getAccessToken) { finish(unsupported()); return; }
    end = once(silent ? SILENT_PATIENCE : ASKING_PATIENCE, 'getAccessToken', finish);
    source.getAccessToken({ allowSignInPrompt: !silent, allowConsentPrompt: !silent })
      .then(function (token) { end(null, token); }, function (error) {
        end(NOT_HERE.test(String(error && error.code)) ? unsupported() : failure(error));
      });
  }

  /* -- nested app authentication -------------------------------------------------------- */

  function withApplication(finish) {
    if (application) { finish(null); return; }
    load(function (problem) {
      if (problem) { finish({ message: problem, retry: true }); return; }
      window.msal.createNestablePublicClientApplication({
        auth: { clientId: auth.clientId, authority: auth.authority },
        cache: { cacheLocation: 'memoryStorage' } /* no token outlives the pane */
      }).then(function (made) {
        application = made;
        finish(null);
      }, function (error) { finish(failure(error)); });
    });
  }

  function nested(silent, finish) {
    var request = { scopes: [auth.scope] };
    var over = false;
    var timer = setTimeout(function () {
      ask({ message: say('officeSilent', { call: 'acquireTokenSilent' }) });
    }, SILENT_PATIENCE);
    function end(error, token) {
      if (over) { return; }
      over = true;
      clearTimeout(timer);
      finish(error, token);
    }
    function ask(reason) {
      clearTimeout(timer);
      if (over) { return; }
      if (silent) { end(failure(reason)); return; }
      log('Microsoft 365 asks the user');
      application.acquireTokenPopup(request).then(function (result) {
        end(null, result.accessToken);
      }, function (error) { end(failure(error)); });
    }
    withApplication(function (error) {
      if (error) { end(error); return; }
      application.acquireTokenSilent(request).then(function (result) {
        end(null, result.accessToken);
      }, ask);
    });
  }

  /* finish(error, token). `silent`: without a window. */
  function get(silent, finish) {
    function got(error, token) {
      if (!error) { log('token of ' + window.pexschedd.hint(token)); }
      finish(error, token);
    }
    if (auth.method === 'EXCHANGE_USER_ID_TOKEN') { exchange(got); return; }
    if (auth.method === 'SSO_TOKEN') { single(silent, got); return; }
    if (!isNested()) { finish(unsupported()); return; }
    if (!auth.msal) { finish({ message: say('noMsal'), retry: false }); return; }
    nested(silent, got);
  }

  window.pexschedd.tokens = {
    start: start, get: get,
    canWait: function () { return Boolean(auth.offline); }
  };
}());
