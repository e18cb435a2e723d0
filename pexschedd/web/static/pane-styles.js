/* Puts the administrator's inline styles into effect. The page's policy forbids style
   attributes, so the server sends the safe ones as data-style: "name: value; ...".
   Values have no semicolon and no colon of their own. ES5. */
(function () {
  'use strict';
  var pane = window.pexschedd = window.pexschedd || {};

  function put(element) {
    var parts = element.getAttribute('data-style').split(';');
    var i, at;
    element.removeAttribute('data-style');
    for (i = 0; i < parts.length; i += 1) {
      at = parts[i].indexOf(':');
      if (at > 0) {
        element.style.setProperty(parts[i].slice(0, at).replace(/\s/g, ''),
          parts[i].slice(at + 1).replace(/^\s+|\s+$/g, ''));
      }
    }
  }

  /* To be called for what innerHTML was set of. A browser leaves out what it does not
     know. */
  function apply(root) {
    var found = root.querySelectorAll('[data-style]');
    var i;
    for (i = 0; i < found.length; i += 1) { put(found[i]); }
  }

  pane.styles = { apply: apply };
  apply(document);
}());
