// A service worker: keeps the page's files, so that it opens without a network.
const NAME = "neurenix-draw";

self.addEventListener("install", (event) => event.waitUntil((async () => {
  const files = await (await fetch("./files.json", { cache: "no-store" })).json();
  const cache = await caches.open(NAME);
  await cache.addAll(["./", ...files].map((file) => new Request(file, { cache: "reload" })));
  await self.skipWaiting();
})()));

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

// From the network, since the page may have been made anew; without one, what was kept.
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || new URL(request.url).origin !== location.origin) return;
  event.respondWith((async () => {
    const cache = await caches.open(NAME);
    try {
      const answer = await fetch(request);
      if (answer.ok) await cache.put(request, answer.clone());
      return answer;
    } catch (error) {
      const kept = await cache.match(request, { ignoreSearch: true });
      if (kept) return kept;
      throw error;
    }
  })());
});
