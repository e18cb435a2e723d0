/* The security tags in a meeting's body, as the pane finds them and as it writes them.
   PXPS names the room that was reserved for the meeting. TOK holds the organizer's
   identity token, in a meeting that waits for its room. ES5. */
(function () {
  'use strict';
  var HEX = '[0-9a-f]';
  var PXPS = new RegExp('PXPS:-' + HEX + '{8}(?:-' + HEX + '{4}){3}-' + HEX + '{12}#', 'ig');
  var TOKEN = '[0-9a-z_-]+\\.[0-9a-z_-]+\\.[0-9a-z_-]+';
  var TOK = new RegExp('TOK:-(' + TOKEN + ')#', 'i');
  var WHOLE_TOKEN = new RegExp('^' + TOKEN + '$', 'i');
  var NOTHING = /[\s\u0000-\u001f\u007f-\u00a0\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]+/g;
  var LINE = /.{1,70}/g;
  var STYLE = 'font-size:7.5pt; color:#767676; font-family:Consolas,Menlo,monospace;';
  var MOST_TAGS = 10; /* as many as the server takes at once */
  var MOST_TEXT = 1000000;
  var SOON = 30 * 60 * 1000; /* milliseconds in which a token counts as expired already */

  /* A text without what clients put in or change: white space of all kinds, dashes. Each
     character of the rest stands for one of the text. */
  function compact(text) {
    return String(text).slice(0, MOST_TEXT).replace(NOTHING, '')
      .replace(/[\u2010-\u2015\u2212\ufe63\uff0d]/g, '-').replace(/[\ufe55\uff1a]/g, ':')
      .replace(/[\ufe5f\uff03]/g, '#');
  }

  /* {pxps: [tag], token: text or ''} of a body's text. */
  function inText(body) {
    var bare = compact(body);
    var tags = [];
    (bare.match(PXPS) || []).forEach(function (tag) {
      var canonical = 'PXPS:-' + tag.slice(6).toLowerCase();
      if (tags.indexOf(canonical) < 0 && tags.length < MOST_TAGS) { tags.push(canonical); }
    });
    var token = TOK.exec(bare);
    return { pxps: tags, token: token ? token[1] : '' };
  }

  function claims(token) {
    var middle = String(token).split('.')[1] || '';
    try {
      return JSON.parse(window.atob(middle.replace(/-/g, '+').replace(/_/g, '/')));
    } catch (ignored) {
      return {};
    }
  }

  /* True if the token is no good any more, or not for long; false if that is not known. */
  function expired(token, now) {
    var end = Number(claims(token).exp);
    return Boolean(end) && end * 1000 - now < SOON;
  }

  function expiredAlready(token, now) {
    var end = Number(claims(token).exp);
    return Boolean(end) && end * 1000 < now;
  }

  /* Exchange's or Microsoft 365's name of the user that a token is of; '' if unknown. */
  function userOf(token) {
    var all = claims(token);
    var exchange = {};
    try { exchange = JSON.parse(all.appctx || '{}'); } catch (ignored) { /* unknown */ }
    return String(exchange && exchange.msexchuid || all.oid || '');
  }

  /* False if two tokens are known to be of different users. */
  function sameUser(one, other) {
    var names = [userOf(one), userOf(other)];
    return !names[0] || !names[1] || names[0] === names[1];
  }

  /* HTML for a meeting without a room: the placeholder and the token's tag in lines.
     Nothing for a text that could not be found again as a token. */
  function waiting(placeholder, token) {
    if (!WHOLE_TOKEN.test(token)) { return ''; }
    return placeholder + '\n<p style="' + STYLE + '">' +
      ('TOK:-' + token + '#').match(LINE).join('<br>\n') + '</p>\n';
  }

  window.pexschedd.tags = {
    inText: inText, waiting: waiting, compact: compact, expired: expired,
    expiredAlready: expiredAlready, sameUser: sameUser, nothing: NOTHING
  };
}());
