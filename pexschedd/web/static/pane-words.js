/* The pane's words: the administrator's texts, which are HTML that the server sanitised,
   and the pane's own, which are plain text, in Outlook's display language. ES5.

   The page's settings have English and whatever an administrator has translated; the
   other built-in languages come as one script each, when one is wanted. */
(function () {
  'use strict';
  var RIGHT_TO_LEFT = /^(ar|ckb|dv|fa|he|iw|ks|ps|sd|syr|ug|ur|yi)\b/i;
  var ALIASES = { no: 'nb', nn: 'nb' };
  var PATIENCE = 5000; /* milliseconds for a language's script */
  var builtIn = {}; /* language -> {name: text} */
  var settings = null;
  var language = 'en';

  function candidates(tag) {
    var lower = String(tag || '').toLowerCase();
    var base = lower.split('-')[0];
    return [lower, base, ALIASES[base] || base];
  }

  function first(table, tag) {
    return candidates(tag).filter(function (name) {
      return Object.prototype.hasOwnProperty.call(table, name);
    })[0] || '';
  }

  /* Called by the scripts of the languages. */
  function add(name, texts) { builtIn[name] = texts; }

  function own(table, name) {
    return table && Object.prototype.hasOwnProperty.call(table, name) ? table[name] : undefined;
  }

  function overrides(name) { return own(settings.translations, name) || {}; }

  /* finish() when the words of Outlook's language are there, or will not come. */
  function use(tag, finish) {
    var found = first(settings.languages, tag);
    var configured = first(settings.translations, tag);
    var over = false;
    function done() {
      if (over) { return; }
      over = true;
      language = builtIn[found] ? found : configured || 'en';
      finish();
    }
    if (!found || found === 'en' || builtIn[found]) { done(); return; }
    var script = document.createElement('script');
    script.src = settings.languages[found];
    script.onload = done;
    script.onerror = done;
    document.body.appendChild(script);
    setTimeout(done, PATIENCE);
  }

  /* Which table has the text `name`: [text, language]. */
  function look(name) {
    var text = own(overrides(language), name);
    if (text === undefined) { text = own(builtIn[language], name); }
    if (text !== undefined) { return [text, language]; }
    text = own(overrides('en'), name);
    return [text === undefined ? settings.words[name] || name : text, 'en'];
  }

  function filled(text, values) {
    return text.replace(/\{(\w+)\}/g, function (all, name) {
      return values && values[name] !== undefined && values[name] !== null ? values[name] : all;
    });
  }

  function escaped(text) {
    return String(text).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
      .replace(/"/g, '&quot;');
  }

  function direction(name) { return RIGHT_TO_LEFT.test(name) ? 'rtl' : 'ltr'; }

  /* A block for the view: {text or html, lang, dir}. */
  function say(name, values) {
    var found = look(name);
    return { text: filled(found[0], values), lang: found[1], dir: direction(found[1]) };
  }

  /* The reason for what the server refuses with `code`: in words that are known here,
     else as the server says it. */
  function reason(code, message) {
    var name = 'reason' + String(code || '').replace(/(^|_)([a-z])/g, function (all, gap, letter) {
      return letter.toUpperCase();
    });
    return own(settings.words, name) === undefined ? message : say(name).text;
  }

  /* The administrator's text, in the user's language if there is a translation. Its
     language is known where it is the default; a text of unknown language has the
     direction of its first letter. */
  function theirs(name) {
    var translated = own(overrides(language), name);
    if (translated !== undefined) {
      return { html: translated, lang: language, dir: direction(language) };
    }
    var english = settings.defaults.indexOf(name) >= 0;
    return { html: settings.texts[name] || '', lang: english ? 'en' : '',
             dir: english ? 'ltr' : 'auto' };
  }

  window.pexschedd.words = {
    start: function (given) { settings = given; },
    add: add,
    use: use,
    say: say,
    reason: reason,
    theirs: theirs,
    escaped: escaped,
    direction: direction,
    language: function () { return language; }
  };
}());
