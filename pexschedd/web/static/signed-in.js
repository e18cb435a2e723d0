/* The page that ends a sign-in. It carries no secret: the pane asks the server how the
   sign-in went. So each step here may fail; telling the pane only saves it a moment, and a
   window that no script opened stays open, with the text that says what to do. ES5. */
(function () {
  'use strict';
  var PATIENCE = 2500; /* milliseconds for Office.js to load and to find its host */
  var DELIVERY = 300; /* ... and for a message to leave before the window closes */

  function close() {
    try { window.close(); } catch (ignored) { /* the text on the page remains */ }
  }

  function tell() {
    try { window.Office.context.ui.messageParent('done'); } catch (ignored) { /* no pane */ }
    setTimeout(close, DELIVERY);
  }

  window.onload = function () {
    try { window.Office.onReady(tell); } catch (ignored) { close(); }
  };
  setTimeout(close, PATIENCE);
}());
