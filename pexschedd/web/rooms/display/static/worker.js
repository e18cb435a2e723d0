/* Lets the sign be loaded anew without a network: a service worker that keeps the page
   and its files, and nothing that was ever answered to the sign.

   Above this text stand VERSION and FILES; the first of these is the page. */

/* global self, caches, VERSION, FILES */

(function () {
  "use strict";

  var PREFIX = "pexschedd-display-", CACHE = PREFIX + VERSION, PAGE = FILES[0];
  var PATIENCE = 10 * 1000;

  function kept(address) {
    return caches.open(CACHE).then(function (cache) { return cache.match(address); });
  }

  /* A new release within this moment, or a login page on the way, is not what these
     files belong to. */
  function check(cache) {
    return cache.match(PAGE).then(function (page) { return page.text(); }).then(function (text) {
      if (text.indexOf(FILES[1]) < 0) { throw new Error("this is another version's page"); }
    });
  }

  self.addEventListener("install", function (event) {
    event.waitUntil(caches.open(CACHE).then(function (cache) {
      return cache.addAll(FILES.map(function (address) {
        return new Request(address, { cache: "reload" });
      })).then(function () { return check(cache); });
    }).then(function () {
      return self.skipWaiting();
    }, function (error) {
      return caches.delete(CACHE).then(function () { throw error; });
    }));
  });

  self.addEventListener("activate", function (event) {
    event.waitUntil(caches.keys().then(function (names) {
      return Promise.all(names.filter(function (name) {
        return name.indexOf(PREFIX) === 0 && name !== CACHE;
      }).map(function (name) { return caches.delete(name); }));
    }).then(function () {
      return self.clients.claim();
    }));
  });

  /* The page of the server, or the kept one if there is no answer, none in time, or one
     that only says that the server is away. */
  function pageFor(request) {
    var fresh = fetch(request);
    var answered = fresh.then(function (response) {
      if (response.status < 500) { return response; }
      return kept(PAGE).then(function (page) { return page || response; });
    }, function (error) {
      return kept(PAGE).then(function (page) {
        if (!page) { throw error; }
        return page;
      });
    });
    var late = new Promise(function (resolve) {
      setTimeout(resolve, PATIENCE);
    }).then(function () {
      return kept(PAGE);
    }).then(function (page) {
      return page || answered;
    });
    return Promise.race([answered, late]);
  }

  self.addEventListener("fetch", function (event) {
    var request = event.request, url = new URL(request.url);
    if (request.method !== "GET" || url.origin !== self.location.origin) { return; }
    if (request.mode === "navigate" && url.pathname === PAGE) {
      event.respondWith(pageFor(request));
    } else if (FILES.indexOf(url.pathname) > 0) {
      event.respondWith(kept(url.pathname).then(function (file) {
        return file || fetch(request);
      }));
    }
  });
}());
