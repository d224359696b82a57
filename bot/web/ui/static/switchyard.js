// Updates a page in place: fetches it again when an event says that it changed, or every few seconds,
// and replaces its <main>. Every page works without this file.
"use strict";
(() => {
  const main = document.getElementById("main");
  const { events, refresh } = main.dataset;
  if (!events && !refresh) return;

  const MIN_INTERVAL_MS = 1500;
  const RECONNECT_GRACE_MS = 5000;
  const RETRY_MS = 10000;
  const box = document.getElementById("live");
  const label = document.getElementById("live-text");
  const button = document.getElementById("live-button");
  let source = null;
  let timer = null;
  let paused = false;
  let stale = false;
  let loading = false;

  const showStatus = (text, kind) => {
    label.textContent = text;
    box.className = `live ${kind}`;
  };

  const isEditing = () => {
    const at = document.activeElement;
    return main.contains(at) && at.matches("input, select, textarea");
  };

  const replaceMain = (page) => {
    const fresh = page.getElementById("main");
    const wasOpen = new Map([...main.querySelectorAll("details[id]")].map((e) => [e.id, e.open]));
    const scrolled = [...main.querySelectorAll(".scroll")].map((e) => e.scrollLeft);
    const focused = main.contains(document.activeElement) ? document.activeElement : null;
    const links = focused && [...main.querySelectorAll("a, button, summary, [tabindex]")];
    const focusIndex = focused ? links.indexOf(focused) : -1;
    main.replaceChildren(...fresh.childNodes);
    main.dataset.version = fresh.dataset.version || "";
    document.title = page.title;
    for (const [id, open] of wasOpen) {
      const found = document.getElementById(id);
      if (found) found.open = open;
    }
    main.querySelectorAll(".scroll").forEach((e, i) => { e.scrollLeft = scrolled[i] || 0; });
    const again = main.querySelectorAll("a, button, summary, [tabindex]")[focusIndex];
    if (again) again.focus({ preventScroll: true });
  };

  const load = async () => {
    stale = true;
    if (loading || paused || isEditing() || document.hidden) return;
    loading = true;
    stale = false;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.redirected) { location.reload(); return; }
      if (!answer.ok) throw new Error(answer.statusText);
      replaceMain(new DOMParser().parseFromString(await answer.text(), "text/html"));
      showStatus("live", "");
    } catch {
      stale = true;
      showStatus("disconnected", "lost");
    }
    setTimeout(() => { loading = false; if (stale) load(); }, MIN_INTERVAL_MS);
  };

  const stop = () => {
    if (source) source.close();
    clearInterval(timer);
    source = timer = null;
  };

  // The browser reopens a stream that ends, but not one that is refused.
  const onError = () => {
    if (source && source.readyState === EventSource.CLOSED && !timer) timer = setInterval(load, RETRY_MS);
    setTimeout(() => {
      if (source && source.readyState !== EventSource.OPEN && !timer) showStatus("disconnected", "lost");
    }, RECONNECT_GRACE_MS);
  };

  const start = () => {
    stop();
    if (paused || document.hidden) return;
    showStatus("live", "");
    if (refresh) {
      timer = setInterval(load, Number(refresh) * 1000);
      return;
    }
    source = new EventSource(`${events}?seen=${encodeURIComponent(main.dataset.version || "")}`);
    source.addEventListener("change", load);
    source.addEventListener("open", () => showStatus("live", ""));
    source.addEventListener("error", onError);
  };

  button.addEventListener("click", () => {
    paused = !paused;
    button.textContent = paused ? "Resume" : "Pause";
    button.setAttribute("aria-pressed", String(paused));
    if (paused) { stop(); showStatus("paused", "off"); } else { start(); if (refresh) load(); }
  });
  main.addEventListener("focusout", () => setTimeout(() => { if (stale) load(); }));
  document.addEventListener("visibilitychange", () => { start(); if (stale || refresh) load(); });
  window.addEventListener("pagehide", stop);
  box.hidden = false;
  start();
})();
