/* The one-click command beside the pane: adds a single-use room and says so in a line
   above the meeting. Outlook runs it without a page that anybody sees. ES5. */
(function () {
  'use strict';
  var NAME = 'addRoom'; /* as the manifest names it */
  var RESULTS = {
    succeeded: ['informationalMessage', 'addedNotice'],
    foundRoom: ['informationalMessage', 'alreadyNotice'],
    waits: ['informationalMessage', 'waitsNotice'],
    foundPlaceholder: ['informationalMessage', 'waitsNotice']
  };
  var P = window.pexschedd;
  var settings = JSON.parse(document.getElementById('settings').textContent);
  var waiting = []; /* commands that came before the library was ready */
  var ready = false;
  var busy = false;

  function say(name) { return P.words.say(name).text; }

  function tell(result, facts, finish) {
    var told = RESULTS[result] || ['errorMessage', 'openPane'];
    var why = facts && facts.error ? facts.error.message + ' ' : '';
    if (told[1] === 'openPane' && why.length + say('openPane').length > 150) { why = ''; }
    P.office.notify(told[0], (told[1] === 'openPane' ? why : '') + say(told[1]), finish);
  }

  function run(event) {
    function done() {
      busy = false;
      event.completed();
    }
    if (busy) { event.completed(); return; }
    busy = true;
    if (P.office.situation() || !settings.singleUse) { tell('openPane', null, done); return; }
    P.office.notify('progressIndicator', say('gettingRoom'), function () {
      P.work.add(function (step) { P.log('command: ' + step); }, function (result, facts) {
        tell(result, facts, done);
      });
    });
  }

  function command(event) {
    if (ready) { run(event); } else { waiting.push(event); }
  }

  function start() {
    if (window.Office.actions && window.Office.actions.associate) {
      window.Office.actions.associate(NAME, command);
    }
    P.words.use(P.office.context().displayLanguage, function () {
      ready = true;
      waiting.splice(0).forEach(run);
    });
  }

  P.words.start(settings);
  P.work.start(settings);
  P.tokens.start(settings.auth);
  P.inspect.startRoom(settings.room);
  window[NAME] = command; /* older clients look for a global function */
  P.library.wait(settings.library, start, function (reason) { P.log(reason); });
}());
