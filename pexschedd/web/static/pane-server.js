/* The server's routes, and what its answers mean. Secrets go in headers and bodies only.

   An error is {message, reference, code, status, down, retry}: `down` says that there was
   no answer of the server's, which passes by itself; `retry` that trying again can help. A
   failed sign-in has `textField`, the administrator's text for it. ES5. */
(function () {
  'use strict';
  var PATIENCE = 30000; /* milliseconds for one request */
  var words = window.pexschedd.words;
  var log = window.pexschedd.log;
  var open = null; /* the request on its way */

  function say(name, values) { return words.say(name, values).text; }

  function parsed(text) {
    try { return JSON.parse(text); } catch (ignored) { return null; }
  }

  /* A gateway between us and the server, or a network that wants a sign-in first, answers
     with pages of its own. */
  function isDown(status, answer) {
    return (status >= 502 && status <= 504) || status === 511 ||
      (status >= 200 && status < 300 && !answer);
  }

  function canHelp(status, code) {
    return status >= 500 || status === 429 || status === 408 || status === 401 ||
      code === 'sign_in_needed';
  }

  function refusal(status, answer) {
    var down = isDown(status, answer);
    var given = answer || {};
    return {
      message: given.code === 'room_not_usable' ? say('roomUnusable') :
        words.reason(given.code, given.message) ||
        say(down && status < 300 ? 'notOurServer' : 'httpStatus', { status: status }),
      reference: given.correlation_id || '',
      code: given.code || '',
      status: status,
      down: down,
      retry: down || canHelp(status, given.code)
    };
  }

  /* finish(error, result). `name` is the path beside the page; `headers` without values
     that are empty. */
  function request(method, name, headers, body, finish) {
    var xhr = new XMLHttpRequest();
    var label = method + ' ' + name.replace(/\/.*/, '/…');
    function unreachable(word) {
      return function () {
        open = null;
        log(label + ': ' + word);
        finish({ message: say(word), down: true, retry: true, status: 0, code: '',
                 reference: '' });
      };
    }
    xhr.onload = function () {
      var answer = parsed(xhr.responseText);
      var whole = answer && typeof answer === 'object' ? answer : null;
      open = null;
      log(label + ': ' + xhr.status + ' ' + (whole && whole.correlation_id || ''));
      if (xhr.status >= 200 && xhr.status < 300 && whole) {
        finish(null, whole.result === undefined ? whole : whole.result);
      } else {
        finish(refusal(xhr.status, whole));
      }
    };
    xhr.onerror = unreachable('unreachable');
    xhr.ontimeout = unreachable('serverSilent');
    xhr.open(method, name);
    xhr.timeout = PATIENCE;
    xhr.setRequestHeader('Accept', 'application/json');
    Object.keys(headers).forEach(function (header) {
      if (headers[header]) { xhr.setRequestHeader(header, headers[header]); }
    });
    if (body) { xhr.setRequestHeader('Content-Type', 'application/json'); }
    open = xhr;
    xhr.send(body ? JSON.stringify(body) : null);
  }

  /* Leaves the answer of the request on its way unheard. */
  function abandon() {
    if (open) {
      open.onload = open.onerror = open.ontimeout = null;
      open.abort();
      open = null;
    }
  }

  function details(token, key, finish) {
    request('GET', 'meeting_details', { token: token, 'request-id': key }, null,
      function (error, result) {
        if (!error && !(result && result.instructions)) {
          error = refusal(200, {});
          error.message = say('oddAnswer');
        }
        finish(error, result);
      });
  }

  function tags(token, question, finish) {
    request('POST', 'meeting_tags', { token: token }, question, finish);
  }

  window.pexschedd.server = {
    request: request, abandon: abandon, details: details, tags: tags
  };
}());
