/* The page in the dialog: tells the pane, as Outlook's dialogs do. */
Office.onReady(function () {
  document.querySelector('button').addEventListener('click', function () {
    Office.context.ui.messageParent('signed in');
  });
  document.body.dataset.ready = 'true';
});
