/* Waiting for Office.js, which comes from elsewhere, after our own scripts: so that the
   pane can say when it does not come. ES5. */
(function () {
  'use strict';
  var PATIENCE = 12000; /* milliseconds until a missing library is reported */
  var log = window.pexschedd.log;

  /* started() once when Outlook is there; missing(reason) perhaps before. */
  function wait(library, started, missing) {
    var failed = [];
    var adopted = false;
    var over = false;
    var begun = new Date().getTime();
    var watch = setInterval(function () {
      adopt();
      if (new Date().getTime() - begun > PATIENCE) {
        clearInterval(watch);
        fail(failed.length ? say('cannotLoad', failed.join(', ')) :
          window.Office ? window.pexschedd.words.say('outlookSilent').text :
            say('noAnswerFrom', library));
      }
    }, 100);

    function say(name, url) { return window.pexschedd.words.say(name, { url: url }).text; }

    function start() {
      if (over) { return; }
      over = true;
      clearInterval(watch);
      started();
    }

    function fail(reason) { if (!over) { missing(reason); } }

    function adopt() {
      var office = window.Office;
      if (!office || adopted) { return; }
      adopted = true;
      log('the library is there');
      if (office.onReady) {
        office.initialize = office.initialize || function () { /* older copies insist */ };
        office.onReady(start);
      } else {
        office.initialize = start;
      }
    }

    /* A script's events do not bubble, but they can be captured on the way down. */
    window.addEventListener('error', function (event) {
      var source = event.target && event.target.src;
      if (!source) { return; }
      log('cannot load ' + source);
      failed.push(source);
      if (event.target.id === 'library') { fail(say('cannotLoad', source)); }
    }, true);
    /* The page's policy refuses what the administrator has not listed. */
    document.addEventListener('securitypolicyviolation', function (event) {
      if (/^script-src/.test(event.violatedDirective || '') && event.blockedURI) {
        log('the policy refused ' + event.blockedURI);
        failed.push(event.blockedURI);
        if (!over) { fail(say('cannotLoad', event.blockedURI)); }
      }
    });
    document.addEventListener('load', adopt, true);
  }

  window.pexschedd.library = { wait: wait };
}());
