/* The security tags in a meeting's body, as the pane finds them and as it writes them.
   PXPS names the room that was reserved for the meeting. TOK holds the organizer's
   identity token, in a meeting that waits for its room. ES5. */
(function () {
  'use strict';
  var PXPS = /PXPS:-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}#/i;
  var TOKEN = '[0-9a-z_-]+\\.[0-9a-z_-]+\\.[0-9a-z_-]+';
  var TOK = new RegExp('TOK:-' + TOKEN + '#', 'i');
  var WHOLE_TOKEN = new RegExp('^' + TOKEN + '$', 'i');
  var LINE = /.{1,70}/g;
  var STYLE = 'font-size:7.5pt; color:#767676; font-family:Consolas,Menlo,monospace;';

  /* 'PXPS', 'TOK' or ''. A room that was reserved counts more than one that is to be.
     Clients wrap lines and add spaces of many kinds inside what was written. */
  function kind(body) {
    var bare = String(body).replace(/[\s\u00a0\u00ad\u200b-\u200f\u2060\ufeff]+/g, '');
    return PXPS.test(bare) ? 'PXPS' : TOK.test(bare) ? 'TOK' : '';
  }

  /* HTML for a meeting without a room: the placeholder and the token's tag in lines.
     Nothing for a text that could not be found again as a token. */
  function waiting(placeholder, token) {
    if (!WHOLE_TOKEN.test(token)) { return ''; }
    return placeholder + '\n<p style="' + STYLE + '">' +
      ('TOK:-' + token + '#').match(LINE).join('<br>\n') + '</p>\n';
  }

  window.pexschedd.tags = { kind: kind, waiting: waiting };
}());
