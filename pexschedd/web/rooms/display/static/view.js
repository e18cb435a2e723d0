/* Puts what a display says onto the page. Texts never become markup. */

(function () {
  "use strict";

  var SVG = "http://www.w3.org/2000/svg", QUIET = 4, MOST_UPCOMING = 8, LONG = 48;

  function part(id) {
    return document.getElementById(id);
  }

  function say(id, text) {
    var element = part(id);
    if (element.textContent !== text) { element.textContent = text; }
    element.hidden = !text;
  }

  /* A long address breaks behind its signs rather than anywhere. */
  function sayAddress(alias) {
    var element = part("address");
    if (element.textContent === alias) { return; }
    element.textContent = "";
    element.className = alias.length > LONG ? "long" : "";
    alias.split(/([@.])/).forEach(function (piece, index) {
      if (index % 2) { element.appendChild(document.createElement("wbr")); }
      element.appendChild(document.createTextNode(piece));
    });
  }

  function made(name, className, text) {
    var element = document.createElement(name);
    element.className = className;
    element.textContent = text;
    return element;
  }

  /* `words` has the texts and formats of a language. */
  function View(words, options) {
    this._words = words;
    this._options = options;
    this._drawn = "";
  }

  View.prototype.fixedTexts = function () {
    var words = this._words;
    document.documentElement.lang = words.language;
    document.documentElement.dir = words.direction;
    say("next-heading", words.text.next);
    say("join-heading", words.text.join);
    say("pin-label", words.text.pin);
  };

  /* `room` is its name; `state` is `stateAt`'s, null while nothing is known. */
  View.prototype.show = function (room, state, now) {
    var words = this._words;
    document.body.setAttribute("data-state", state ? state.kind : "unknown");
    document.title = room || words.text.room;
    say("room", room);
    say("time", words.time(now));
    say("date", words.date(now));
    say("word", state ? words.text[state.kind] : words.text.unknown);
    say("until", state ? this._until(state, now) : "");
    this._current(state && state.current, state ? state.others : [], now);
    this._join(state && this._options.join ? state.joinable : null);
    this._upcoming(state ? state.upcoming : null, now);
    this._fitAnew(state);
  };

  View.prototype._fitAnew = function (state) {
    var key = JSON.stringify(state && [state.kind, state.joinable, state.current, state.upcoming]);
    if (key !== this._fitted) {
      this._fitted = key;
      this.fit();
    }
  };

  View.prototype._until = function (state, now) {
    var text = this._words.text, minutes;
    if (state.kind === "soon") {
      minutes = Math.max(1, Math.round((state.next.start - now) / 60000));
      return text.inMinutes.replace("{minutes}", String(minutes));
    }
    if (state.until === null || !this._words.isSameDay(state.until, now)) {
      return state.kind === "free" ? text.allDay : text.today;
    }
    return text.until.replace("{time}", this._words.time(state.until));
  };

  View.prototype._current = function (current, others, now) {
    var text = this._words.text, share;
    part("current").hidden = part("progress").hidden = !current;
    if (!current) { return; }
    say("title", current.title);
    say("organizer", this._details(current));
    say("also", others.map(function (each) {
      return text.also.replace("{title}", each.title);
    }).join(" · "));
    share = Math.min(1, Math.max(0, (now - current.start) / (current.end - current.start)));
    part("progress").hidden = current.allDay;
    part("elapsed").style.width = (100 * share).toFixed(1) + "%";
  };

  View.prototype._details = function (meeting) {
    var times = meeting.allDay ? this._words.text.wholeDay
      : this._words.time(meeting.start) + " – " + this._words.time(meeting.end);
    return meeting.organizer ? times + " · " + meeting.organizer : times;
  };

  View.prototype._join = function (meeting) {
    var text = this._words.text;
    part("join").hidden = !meeting;
    if (!meeting) {
      this._drawn = "";
      return;
    }
    say("join-title", [meeting.title, meeting.join.service].filter(Boolean).join(" · "));
    sayAddress(meeting.join.alias);
    say("pin-digits", meeting.join.pin);
    part("pin").hidden = !meeting.join.pin;
    part("code").setAttribute("aria-label", text.code.replace("{title}", meeting.title));
    if (this._drawn !== meeting.join.address) {
      this._drawn = meeting.join.address;
      this._draw(window.roomDisplay.encode(meeting.join.address));
    }
  };

  View.prototype._draw = function (cells) {
    var code = part("code"), picture, path, shape = "";
    while (code.firstChild) { code.removeChild(code.firstChild); }
    code.hidden = !cells;
    if (!cells) { return; }
    cells.forEach(function (row, y) {
      row.forEach(function (dark, x) {
        if (dark) { shape += "M" + (x + QUIET) + " " + (y + QUIET) + "h1v1h-1z"; }
      });
    });
    picture = document.createElementNS(SVG, "svg");
    picture.setAttribute("viewBox", "0 0 " + (cells.length + 2 * QUIET) + " " + (cells.length + 2 * QUIET));
    picture.setAttribute("shape-rendering", "crispEdges");
    path = document.createElementNS(SVG, "path");
    path.setAttribute("d", shape);
    picture.appendChild(path);
    code.appendChild(picture);
  };

  View.prototype._upcoming = function (upcoming, now) {
    var list = part("upcoming"), words = this._words, self = this;
    var key = JSON.stringify([upcoming, words.date(now)]);
    part("next").hidden = !upcoming;
    if (!upcoming || key === this._listed) { return; }
    this._listed = key;
    while (list.firstChild) { list.removeChild(list.firstChild); }
    say("nothing", upcoming.length ? "" : words.text.nothing);
    upcoming.slice(0, MOST_UPCOMING).forEach(function (each) {
      list.appendChild(self._line(each, now));
    });
  };

  View.prototype._line = function (meeting, now) {
    var words = this._words, line = document.createElement("li");
    var when = made("div", "when", meeting.allDay ? words.text.wholeDay : words.time(meeting.start));
    var what = made("div", "what", "");
    if (!words.isSameDay(meeting.start, now)) {
      when.appendChild(made("small", "", words.shortDate(meeting.start)));
    }
    what.appendChild(made("p", "subject", meeting.title));
    if (meeting.organizer) { what.appendChild(made("p", "by", meeting.organizer)); }
    line.appendChild(when);
    line.appendChild(what);
    return line;
  };

  /* A sign cannot be scrolled: lines that have no room are left out. */
  View.prototype.fit = function () {
    var lines = part("upcoming").children, side = part("side"), i;
    for (i = 0; i < lines.length; i += 1) { lines[i].hidden = false; }
    for (i = lines.length - 1; i > 0; i -= 1) {
      if (document.documentElement.scrollHeight <= window.innerHeight &&
          side.scrollHeight <= side.clientHeight) { return; }
      lines[i].hidden = true;
    }
  };

  View.prototype.notice = function (text) {
    say("notice", text);
  };

  window.roomDisplay = window.roomDisplay || {};
  window.roomDisplay.View = View;
  window.roomDisplay.say = say;
}());
