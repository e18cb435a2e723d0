/* Asks for the meetings of the room, and goes on with what it has while nobody answers. */

(function () {
  "use strict";

  var EVERY = 30 * 1000, PATIENCE = 20 * 1000, LONGEST_PAUSE = 15 * 60 * 1000;

  /* `heard(list)` is called with each list that is new, `refused()` when the token is
     not taken. `state` has `answered` (when there was last an answer, by our clock),
     `readAt` (when the calendar was last read) and `offset` (the server's clock less
     ours, in milliseconds). The last list is kept beside them over a new load. */
  function Source(token, heard, refused) {
    this.state = { answered: Date.now(), readAt: null, offset: 0 };
    this._list = null;
    this._token = token;
    this._heard = heard;
    this._refused = refused;
    this._tag = "";
    this._timer = 0;
    this._stopped = false;
  }

  Source.prototype.start = function () {
    var last = window.roomDisplay.kept.read(this._token);
    if (last) { this._resume(last); }
    this._ask();
  };

  Source.prototype.stop = function () {
    this._stopped = true;
    clearTimeout(this._timer);
  };

  Source.prototype._resume = function (last) {
    var unknown = this.state;
    this.state = { answered: last.answered, readAt: last.readAt, offset: last.offset };
    try {
      this._heard(last.list);
    } catch (error) {
      window.roomDisplay.kept.clear();
      this.state = unknown;
      return;
    }
    this._list = last.list;
    this._tag = last.tag;
  };

  Source.prototype._ask = function () {
    var self = this, request = new XMLHttpRequest();
    request.open("GET", "/v1/meetings");
    request.timeout = PATIENCE;
    request.setRequestHeader("Authorization", "Bearer " + this._token);
    if (this._tag) { request.setRequestHeader("If-None-Match", this._tag); }
    request.onload = function () { self._answered(request); };
    request.onerror = request.ontimeout = function () { self._later(EVERY); };
    request.send();
  };

  Source.prototype._answered = function (request) {
    var pause = EVERY, seconds;
    if (this._stopped) { return; }
    if (request.status === 401) {
      this.stop();
      window.roomDisplay.kept.clear();
      this._refused();
      return;
    }
    if (request.status === 200 || request.status === 304) {
      try {
        this._take(request);
      } catch (error) {
        this._later(pause);
        return;
      }
    } else {
      seconds = Number(request.getResponseHeader("Retry-After"));
      if (seconds > 0) { pause = Math.min(seconds * 1000, LONGEST_PAUSE); }
    }
    this._later(pause);
  };

  Source.prototype._take = function (request) {
    var list = request.status === 200 ? JSON.parse(request.responseText) : null;
    var date = Date.parse(request.getResponseHeader("Date") || "");
    var readAt = Date.parse(request.getResponseHeader("Calendar-Read-At") || "");
    var offset = date - Date.now();
    /* The header has whole seconds, and the answer has been on its way. */
    this.state.offset = Math.abs(offset) > 5000 ? offset : 0;
    this.state.readAt = isNaN(readAt) ? null : readAt;
    this.state.answered = Date.now();
    if (list) {
      this._heard(list);
      this._list = list;
      this._tag = request.getResponseHeader("ETag") || "";
    }
    window.roomDisplay.kept.write(this._token, {
      list: this._list,
      tag: this._tag,
      answered: this.state.answered,
      readAt: this.state.readAt,
      offset: this.state.offset
    });
  };

  Source.prototype._later = function (pause) {
    var self = this;
    if (!this._stopped) {
      this._timer = setTimeout(function () { self._ask(); }, pause);
    }
  };

  window.roomDisplay = window.roomDisplay || {};
  window.roomDisplay.Source = Source;
}());
