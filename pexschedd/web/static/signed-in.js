/* The page that ends a sign-in: it carries no secret and only closes itself.
   A window that no script opened stays open, and then the page says what to do. */
(function () {
  'use strict';
  var scheme = window.matchMedia && window.matchMedia('(prefers-color-scheme: dark)');
  if (scheme && scheme.matches) { document.documentElement.className = 'dark'; }
  try { window.close(); } catch (ignored) { /* the text on the page remains */ }
}());
