/* Cutting our own text out of a meeting's body, and putting another in its place. All of
   the rest stays as it is. The block is looked for as a person sees it, because clients
   have rewritten the markup around it. ES5. */
(function () {
  'use strict';
  var STYLE = /\sstyle(\s*=)/gi;
  var PARKED = / data-pexschedd-style(\s*=)/gi;
  var MOST_APART = 20000; /* characters that our own text may have at most */
  var KEPT = /^(img|hr|table|video|input|object|svg)$/i;
  var tags = window.pexschedd.tags;

  /* Where the block is in a compact text: [start, end], or null. `block` is {mark,
     openings: [text], closing}; mark is the text of the tag, '' for a text without one.
     The opening that is nearest before the tag counts. */
  function span(shown, block) {
    var mark = tags.compact(block.mark || '');
    var closing = tags.compact(block.closing || '');
    var lower = shown.toLowerCase();
    var at = mark ? lower.indexOf(mark.toLowerCase()) : -1;
    var start = at;
    var end = at + mark.length;
    if (mark && at < 0) { return null; }
    (block.openings || []).map(tags.compact).forEach(function (opening) {
      var found = !opening ? -1 : mark ? shown.lastIndexOf(opening, at) : shown.indexOf(opening);
      if (found < 0 || (mark && at - found > MOST_APART)) { return; }
      /* Another tag between the two: that text belongs to it. */
      if (mark && /(?:PXPS|TOK):-/i.test(shown.slice(found, at))) { return; }
      if (!mark) { start = start < 0 ? found : Math.min(start, found); end = start + opening.length; }
      if (mark && (start === at || found > start)) { start = found; }
    });
    if (start < 0) { return null; }
    if (closing) {
      at = shown.indexOf(closing, mark ? end : start);
      if (at >= 0 && at - start <= MOST_APART) { end = at + closing.length; }
    }
    return [start, Math.max(end, start)];
  }

  /* The place in `text` of the compact text's character number `index`. */
  function place(text, index) {
    var seen = -1;
    var i;
    for (i = 0; i < text.length; i += 1) {
      if (tags.compact(text.charAt(i))) { seen += 1; }
      if (seen === index) { return i; }
    }
    return text.length;
  }

  /* A body of plain text, without the block and with `instead` in its place; null if the
     block is not there. */
  function cutText(text, block, instead) {
    var found = span(tags.compact(text), block);
    var start, end;
    if (!found) { return null; }
    start = place(text, found[0]);
    end = place(text, found[1] - 1) + 1;
    return text.slice(0, start).replace(/[ \t]+$/, '') + (instead || '') +
      text.slice(end).replace(/^\s*\n/, '');
  }

  function textNodes(root, out) {
    Array.prototype.forEach.call(root.childNodes, function (node) {
      if (node.nodeType === 3) { out.push(node); }
      if (node.nodeType === 1 && !/^(script|style|title|template)$/i.test(node.nodeName)) {
        textNodes(node, out);
      }
    });
    return out;
  }

  function isEmpty(node) {
    if (node.nodeType === 3) { return !tags.compact(node.nodeValue); }
    if (node.nodeType !== 1 || KEPT.test(node.nodeName)) { return node.nodeType === 8; }
    return Array.prototype.every.call(node.childNodes, function (child) {
      return isEmpty(child);
    });
  }

  /* Removes what the cut has left without content, the break before it and the empty
     paragraph after it. */
  function tidy(anchor, root) {
    var node = anchor.parentNode;
    function drop(sibling) {
      if (sibling && isEmpty(sibling)) { sibling.parentNode.removeChild(sibling); }
    }
    function blank(sibling, way) {
      while (sibling && sibling.nodeType === 3 && isEmpty(sibling)) { sibling = sibling[way]; }
      return sibling;
    }
    while (node !== root && isEmpty(node)) {
      node.parentNode.insertBefore(anchor, node);
      node.parentNode.removeChild(node);
      node = anchor.parentNode;
    }
    drop(blank(anchor.previousSibling, 'previousSibling'));
    drop(blank(anchor.nextSibling, 'nextSibling'));
  }

  function bounds(nodes, found) {
    var position = 0;
    var range = {};
    nodes.forEach(function (node) {
      var size = tags.compact(node.nodeValue).length;
      if (!range.start && found[0] < position + size) {
        range.start = [node, place(node.nodeValue, found[0] - position)];
      }
      if (!range.end && found[1] <= position + size) {
        range.end = [node, place(node.nodeValue, found[1] - position - 1) + 1];
      }
      position += size;
    });
    return range;
  }

  /* The same for a body of HTML. */
  function cutHtml(html, block, instead) {
    var whole = /^([\s\S]*?<body\b[^>]*>)([\s\S]*?)(<\/body\s*>[\s\S]*)$/i.exec(html) ||
      [html, '', html, ''];
    var page = document.implementation.createHTMLDocument('');
    var anchor = page.createElement('i');
    var holder = page.createElement('div');
    var nodes, found, ends, range;
    /* Parked, or the page's own policy would have each of them reported. */
    page.body.innerHTML = whole[2].replace(STYLE, ' data-pexschedd-style$1');
    nodes = textNodes(page.body, []);
    found = span(nodes.map(function (node) {
      return tags.compact(node.nodeValue);
    }).join(''), block);
    if (!found) { return null; }
    ends = bounds(nodes, found);
    range = page.createRange();
    range.setStart(ends.start[0], ends.start[1]);
    range.setEnd(ends.end[0], ends.end[1]);
    range.deleteContents();
    range.insertNode(anchor);
    tidy(anchor, page.body);
    holder.innerHTML = (instead || '').replace(STYLE, ' data-pexschedd-style$1');
    while (holder.firstChild) { anchor.parentNode.insertBefore(holder.firstChild, anchor); }
    anchor.parentNode.removeChild(anchor);
    return whole[1] + page.body.innerHTML.replace(PARKED, ' style$1') + whole[3];
  }

  window.pexschedd.cut = { html: cutHtml, text: cutText };
}());
