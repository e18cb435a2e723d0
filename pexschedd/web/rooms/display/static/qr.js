/* QR codes (ISO/IEC 18004) of texts up to 331 bytes: byte mode, error correction M. */

(function () {
  "use strict";

  /* For each version: codewords for correction in a block, then blocks as pairs of a
     number and their codewords of data. */
  var BLOCKS = [
    null, [10, 1, 16], [16, 1, 28], [26, 1, 44], [18, 2, 32], [24, 2, 43], [16, 4, 27],
    [18, 4, 31], [22, 2, 38, 2, 39], [22, 3, 36, 2, 37], [26, 4, 43, 1, 44],
    [30, 1, 50, 4, 51], [22, 6, 36, 2, 37], [22, 8, 37, 1, 38]
  ];
  var ALIGNED = [
    null, [], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42],
    [6, 26, 46], [6, 28, 50], [6, 30, 54], [6, 32, 58], [6, 34, 62]
  ];
  var MASKS = [
    function (r, c) { return (r + c) % 2 === 0; },
    function (r) { return r % 2 === 0; },
    function (r, c) { return c % 3 === 0; },
    function (r, c) { return (r + c) % 3 === 0; },
    function (r, c) { return (Math.floor(r / 2) + Math.floor(c / 3)) % 2 === 0; },
    function (r, c) { return (r * c) % 2 + (r * c) % 3 === 0; },
    function (r, c) { return ((r * c) % 2 + (r * c) % 3) % 2 === 0; },
    function (r, c) { return ((r + c) % 2 + (r * c) % 3) % 2 === 0; }
  ];

  /* The field of 256 elements, by powers of 2 and logarithms. */
  var POWERS = [], LOGS = [];
  (function () {
    var value = 1, i;
    for (i = 0; i < 255; i += 1) {
      POWERS[i] = value;
      LOGS[value] = i;
      value *= 2;
      if (value > 255) { value ^= 0x11d; }
    }
  }());

  function times(a, b) {
    return a && b ? POWERS[(LOGS[a] + LOGS[b]) % 255] : 0;
  }

  function generator(degree) {
    var found = [1], i, j;
    for (i = 0; i < degree; i += 1) {
      found.push(0);
      for (j = found.length - 1; j > 0; j -= 1) {
        found[j] ^= times(found[j - 1], POWERS[i]);
      }
    }
    return found;
  }

  function correction(data, degree) {
    var divisor = generator(degree), rest = data.concat(), i, j, factor;
    for (i = 0; i < degree; i += 1) { rest.push(0); }
    for (i = 0; i < data.length; i += 1) {
      factor = rest[i];
      for (j = 0; j < divisor.length; j += 1) { rest[i + j] ^= times(divisor[j], factor); }
    }
    return rest.slice(data.length);
  }

  function bytesOf(text) {
    var binary = unescape(encodeURIComponent(text)), found = [], i;
    for (i = 0; i < binary.length; i += 1) { found.push(binary.charCodeAt(i)); }
    return found;
  }

  function dataLength(version) {
    var blocks = BLOCKS[version], total = 0, i;
    for (i = 1; i < blocks.length; i += 2) { total += blocks[i] * blocks[i + 1]; }
    return total;
  }

  function versionFor(length) {
    var version;
    for (version = 1; version < BLOCKS.length; version += 1) {
      if (length + (version < 10 ? 2 : 3) <= dataLength(version)) { return version; }
    }
    return 0;
  }

  /* The codewords in the order in which they are drawn. */
  function codewords(bytes, version) {
    var bits = [], data = [], i, total = dataLength(version);
    function add(value, count) {
      for (count -= 1; count >= 0; count -= 1) { bits.push((value >> count) & 1); }
    }
    add(4, 4);
    add(bytes.length, version < 10 ? 8 : 16);
    bytes.forEach(function (each) { add(each, 8); });
    add(0, Math.min(4, total * 8 - bits.length));
    while (bits.length % 8) { bits.push(0); }
    for (i = 0; i < bits.length; i += 8) {
      data.push(parseInt(bits.slice(i, i + 8).join(""), 2));
    }
    for (i = 0; data.length < total; i += 1) { data.push(i % 2 ? 0x11 : 0xec); }
    return interleaved(data, BLOCKS[version]);
  }

  function interleaved(data, blocks) {
    var parts = [], checks = [], at = 0, i, j, found = [];
    for (i = 1; i < blocks.length; i += 2) {
      for (j = 0; j < blocks[i]; j += 1) {
        parts.push(data.slice(at, at + blocks[i + 1]));
        at += blocks[i + 1];
      }
    }
    checks = parts.map(function (part) { return correction(part, blocks[0]); });
    [parts, checks].forEach(function (lists) {
      var longest = lists[lists.length - 1].length;
      for (i = 0; i < longest; i += 1) {
        for (j = 0; j < lists.length; j += 1) {
          if (i < lists[j].length) { found.push(lists[j][i]); }
        }
      }
    });
    return found;
  }

  /* `cells` has the modules, `fixed` tells those that data and masks leave alone. */
  function frame(version) {
    var size = 17 + 4 * version, cells = [], fixed = [], r, c;
    for (r = 0; r < size; r += 1) {
      cells.push([]);
      fixed.push([]);
      for (c = 0; c < size; c += 1) { cells[r].push(0); fixed[r].push(false); }
    }
    function put(row, column, value) {
      if (row >= 0 && column >= 0 && row < size && column < size) {
        cells[row][column] = value ? 1 : 0;
        fixed[row][column] = true;
      }
    }
    function finder(row, column) {
      for (r = -4; r <= 4; r += 1) {
        for (c = -4; c <= 4; c += 1) {
          var ring = Math.max(Math.abs(r), Math.abs(c));
          put(row + r, column + c, ring !== 2 && ring !== 4);
        }
      }
    }
    function alignment(row, column) {
      for (r = -2; r <= 2; r += 1) {
        for (c = -2; c <= 2; c += 1) {
          put(row + r, column + c, Math.max(Math.abs(r), Math.abs(c)) !== 1);
        }
      }
    }
    for (r = 0; r < size; r += 1) {
      put(6, r, r % 2 === 0);
      put(r, 6, r % 2 === 0);
    }
    finder(3, 3);
    finder(3, size - 4);
    finder(size - 4, 3);
    ALIGNED[version].forEach(function (row, i, all) {
      all.forEach(function (column, j) {
        var last = all.length - 1;
        var isFinder = (i === 0 && (j === 0 || j === last)) || (i === last && j === 0);
        if (!isFinder) { alignment(row, column); }
      });
    });
    for (r = 0; r < 9; r += 1) { put(8, r, cells[8][r]); put(r, 8, cells[r][8]); }
    for (r = 1; r <= 8; r += 1) { put(8, size - r, 0); put(size - r, 8, 0); }
    put(size - 8, 8, 1);
    if (version >= 7) { versionBits(version, size, put); }
    return { size: size, cells: cells, fixed: fixed };
  }

  function remainder(value, divisor, shift) {
    var rest = value << shift, top = divisor.toString(2).length;
    while (rest.toString(2).length >= top && rest) {
      rest ^= divisor << (rest.toString(2).length - top);
    }
    return rest;
  }

  function versionBits(version, size, put) {
    var bits = (version << 12) | remainder(version, 0x1f25, 12), i;
    for (i = 0; i < 18; i += 1) {
      put(Math.floor(i / 3), size - 11 + i % 3, (bits >> i) & 1);
      put(size - 11 + i % 3, Math.floor(i / 3), (bits >> i) & 1);
    }
  }

  /* Level M is 0, so a mask's number is all that there is to say. */
  function formatBits(cells, size, mask) {
    var bits = ((mask << 10) | remainder(mask, 0x537, 10)) ^ 0x5412, i, bit;
    for (i = 0; i < 15; i += 1) {
      bit = (bits >> i) & 1;
      if (i < 6) { cells[i][8] = bit; }
      else if (i < 8) { cells[i + 1][8] = bit; }
      else { cells[size - 15 + i][8] = bit; }
      if (i < 8) { cells[8][size - 1 - i] = bit; }
      else if (i === 8) { cells[8][7] = bit; }
      else { cells[8][14 - i] = bit; }
    }
    cells[size - 8][8] = 1;
  }

  function drawn(made, words, mask) {
    var size = made.size, cells = made.cells.map(function (row) { return row.concat(); });
    var at = 0, column, step, row, side, up = true, bit;
    for (column = size - 1; column > 0; column -= 2) {
      if (column === 6) { column -= 1; }
      for (step = 0; step < size; step += 1) {
        row = up ? size - 1 - step : step;
        for (side = 0; side < 2; side += 1) {
          if (!made.fixed[row][column - side]) {
            bit = at < words.length * 8 ? (words[at >> 3] >> (7 - at % 8)) & 1 : 0;
            cells[row][column - side] = bit ^ (MASKS[mask](row, column - side) ? 1 : 0);
            at += 1;
          }
        }
      }
      up = !up;
    }
    formatBits(cells, size, mask);
    return cells;
  }

  function penalty(cells) {
    var size = cells.length, total = 0, dark = 0, r, c;
    function line(get) {
      var run = 0, last = -1, text = "", i, value, found;
      for (i = 0; i < size; i += 1) {
        value = get(i);
        text += value;
        run = value === last ? run + 1 : 1;
        last = value;
        if (run === 5) { total += 3; }
        if (run > 5) { total += 1; }
      }
      ["10111010000", "00001011101"].forEach(function (pattern) {
        found = text.indexOf(pattern);
        while (found >= 0) {
          total += 40;
          found = text.indexOf(pattern, found + 1);
        }
      });
    }
    for (r = 0; r < size; r += 1) {
      line(function (i) { return cells[r][i]; });
      line(function (i) { return cells[i][r]; });
      for (c = 0; c < size; c += 1) {
        dark += cells[r][c];
        if (r && c && cells[r][c] === cells[r - 1][c] && cells[r][c] === cells[r][c - 1] &&
            cells[r][c] === cells[r - 1][c - 1]) {
          total += 3;
        }
      }
    }
    return total + 10 * Math.floor(Math.abs(dark * 20 / (size * size) - 10));
  }

  /* Rows of 0 and 1, without the quiet zone; null if the text is too long. `mask` is
     the one to use, by default the one with the least penalty. */
  function encode(text, mask) {
    var bytes = bytesOf(text), version = versionFor(bytes.length), made, words;
    var best = null, least = Infinity;
    if (!version) { return null; }
    made = frame(version);
    words = codewords(bytes, version);
    if (mask !== undefined) { return drawn(made, words, mask); }
    MASKS.forEach(function (_, number) {
      var cells = drawn(made, words, number), cost = penalty(cells);
      if (cost < least) { least = cost; best = cells; }
    });
    return best;
  }

  window.roomDisplay = window.roomDisplay || {};
  window.roomDisplay.encode = encode;
}());
