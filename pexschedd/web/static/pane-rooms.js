/* The list of the user's personal rooms, with a search where it is long. ES5. */
(function () {
  'use strict';
  var SEARCH_FROM = 8; /* rooms */
  var PROBLEMS = {
    no_alias: 'roomNoAlias', wrong_aliases: 'roomWrongAliases', no_text: 'roomNoText'
  };
  var view = window.pexschedd.view;
  var words = window.pexschedd.words;

  function folded(text) { return String(text || '').toLowerCase(); }

  /* Names and descriptions are whatever the directory holds: text, never markup. */
  function plain(text) { return { text: text || '', lang: '', dir: 'auto' }; }

  /* The reason why a room cannot be used: in words that are known here, else as the
     server says it. */
  function reason(room) {
    var name = PROBLEMS[room.problem_code];
    return name ? words.say(name, room.problem_values) :
      room.problem ? plain(room.problem) : words.say('roomUnusable');
  }

  function entry(room, number, choose, list) {
    var item = view.create('li', 'room-item', list);
    var button = view.create('button', 'room', item);
    var id = 'room-' + number;
    var detail;
    button.type = 'button';
    view.put(view.create('span', 'room-name', button), plain(room.name));
    if (room.description) {
      detail = view.put(view.create('span', 'room-description', button), plain(room.description));
      detail.id = id + '-description';
    }
    if (!room.usable) {
      button.setAttribute('aria-disabled', 'true');
      view.put(view.create('span', 'room-problem', button), reason(room));
    }
    button.addEventListener('click', function () { if (room.usable) { choose(room); } });
    return { item: item, words: folded(room.name + ' ' + room.description), button: button };
  }

  function count(number) {
    var found = number === 1 ? words.say('roomFound') : words.say('roomsFound', { count: number });
    view.put(view.byId('rooms-count'), found);
  }

  /* Shows the rooms; choose(room) for the one that is pressed. */
  function show(rooms, choose) {
    var list = view.byId('rooms');
    var search = view.byId('search');
    var entries;
    list.textContent = '';
    entries = rooms.map(function (room, number) { return entry(room, number, choose, list); });
    view.byId('choice').hidden = false;
    view.byId('search-line').hidden = rooms.length < SEARCH_FROM;
    view.put(view.byId('search-label'), words.say('search'));
    view.byId('rooms-count').textContent = '';
    search.value = '';
    search.oninput = function () {
      var wanted = folded(search.value).split(/\s+/);
      var left = entries.filter(function (one) {
        var fits = wanted.every(function (word) { return one.words.indexOf(word) >= 0; });
        one.item.hidden = !fits;
        return fits;
      });
      count(left.length);
    };
    if (rooms.length >= SEARCH_FROM) {
      search.focus();
    } else if (entries.length) {
      entries[0].button.focus();
    }
  }

  function hide() { view.byId('choice').hidden = true; }

  window.pexschedd.rooms = { show: show, hide: hide };
}());
