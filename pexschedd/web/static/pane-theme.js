/* Light or dark, as Outlook is; and the direction of the page. ES5. */
(function () {
  'use strict';
  var root = document.documentElement;
  var system = window.matchMedia && window.matchMedia('(prefers-color-scheme: dark)');
  var office = null; /* the theme that Outlook told last */

  function luminance(colour) {
    var hex = /^#?([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})/i.exec(colour || '');
    if (!hex) { return null; }
    return (0.299 * parseInt(hex[1], 16) + 0.587 * parseInt(hex[2], 16) +
            0.114 * parseInt(hex[3], 16)) / 255;
  }

  /* What Outlook tells counts, even where the system is different. */
  function apply() {
    var light = luminance(office && office.bodyBackgroundColor);
    var dark = light === null ? Boolean(system && system.matches) : light < 0.5;
    root.className = dark ? 'dark' : '';
  }

  function follow(theme) {
    office = theme || office;
    apply();
  }

  if (system && system.addListener) { system.addListener(apply); }
  apply();

  window.pexschedd.theme = {
    follow: follow,
    language: function (name, direction) {
      root.setAttribute('lang', name);
      root.setAttribute('dir', direction);
    }
  };
}());
