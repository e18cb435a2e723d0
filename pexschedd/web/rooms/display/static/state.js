/* What a room's display says at a moment, from its list of meetings. */

(function () {
  "use strict";

  var SOON = 15 * 60 * 1000;

  function moment(text) {
    return new Date(text).getTime();
  }

  /* The meetings with their times as numbers, in the order of their starts. */
  function read(meetings) {
    return meetings.map(function (each) {
      return {
        title: each.title,
        organizer: each.organizer.name || each.organizer.email,
        start: moment(each.start),
        end: moment(each.end),
        allDay: each.all_day,
        join: each.join && {
          address: each.join.uri,
          alias: each.join.alias,
          service: each.join.service,
          pin: each.join.pin,
          from: moment(each.join.from),
          until: moment(each.join.until)
        }
      };
    });
  }

  /* Of several that take place now, the one that began last; one of a whole day counts
     only if there is no other. */
  function foremost(running) {
    var timed = running.filter(function (each) { return !each.allDay; });
    var from = timed.length ? timed : running;
    return from.length ? from[from.length - 1] : null;
  }

  /* Return `kind` (free, soon, busy), `current`, `others` that take place now as well,
     `next`, `upcoming`, `joinable`, and `until`: when the present state ends, null if
     nothing is known to end it. */
  function stateAt(meetings, now) {
    var running = meetings.filter(function (each) {
      return each.start <= now && now < each.end;
    });
    var upcoming = meetings.filter(function (each) { return each.start > now; });
    var current = foremost(running), next = upcoming.length ? upcoming[0] : null;
    var joinable = null;
    function mayJoin(each) {
      return each && each.join && each.join.from <= now && now < each.join.until;
    }
    if (mayJoin(current)) {
      joinable = current;
    } else {
      running.concat(upcoming.slice(0, 1)).forEach(function (each) {
        if (!joinable && mayJoin(each)) { joinable = each; }
      });
    }
    return {
      kind: current ? "busy" : next && next.start - now <= SOON ? "soon" : "free",
      current: current,
      others: running.filter(function (each) { return each !== current; }),
      next: next,
      upcoming: upcoming,
      joinable: joinable,
      until: current ? freeAgain(meetings, current) : next ? next.start : null
    };
  }

  /* The end of the meetings that follow each other without a gap. */
  function freeAgain(meetings, current) {
    var end = current.end;
    meetings.forEach(function (each) {
      if (!each.allDay && each.start <= end && each.end > end && each.start >= current.start) {
        end = each.end;
      }
    });
    return end;
  }

  window.roomDisplay = window.roomDisplay || {};
  window.roomDisplay.read = read;
  window.roomDisplay.stateAt = stateAt;
}());
