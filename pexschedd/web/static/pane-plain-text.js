/* HTML as plain text, for invitations without HTML: the same as the server makes. ES5. */
(function () {
  'use strict';
  var BLOCKS = /^(address|article|blockquote|div|dl|dt|dd|h[1-6]|hr|li|ol|p|pre|section|table|tr|ul)$/i;

  function link(node, out, start) {
    var href = node.getAttribute('href') || '';
    var label = out.slice(start).join('').replace(/^\s+|\s+$/g, '');
    if (href && href !== label && href !== 'mailto:' + label && href !== 'tel:' + label) {
      out.push(' <' + href + '>');
    }
  }

  function plainText(html) {
    var page = document.implementation.createHTMLDocument('');
    var out = [];
    function walk(node) {
      var name = node.nodeName;
      var block = BLOCKS.test(name);
      var start;
      if (node.nodeType === 3) {
        out.push(node.nodeValue.replace(/[ \t\r\n]+/g, ' '));
        return;
      }
      if (/^(script|style|title)$/i.test(name)) { return; }
      if (/^br$/i.test(name)) { out.push('\n'); return; }
      if (block) { out.push('\n'); }
      start = out.length;
      Array.prototype.forEach.call(node.childNodes, walk);
      if (/^a$/i.test(name)) { link(node, out, start); }
      if (block) { out.push('\n'); }
    }
    /* Styles would only be reported as refused by the page's own policy. */
    page.body.innerHTML = html.replace(/\sstyle\s*=\s*("[^"]*"|'[^']*')/gi, '');
    walk(page.body);
    return out.join('').replace(/ *\n */g, '\n').replace(/\n{3,}/g, '\n\n')
      .replace(/^\s+|\s+$/g, '') + '\n\n';
  }

  window.pexschedd.plainText = plainText;
}());
