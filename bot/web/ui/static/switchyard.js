// Keeps a page live: fetches it again when an event says that it changed, or every few seconds,
// and puts the new <main> in place of the old. Every page works without this file.
"use strict";
(() => {
  const main = document.getElementById("main");
  const { events, refresh } = main.dataset;
  if (!events && !refresh) return;

  const CALM_MS = 1500;
  const PATIENT_MS = 5000;
  const LATER_MS = 10000;
  const box = document.getElementById("live");
  const words = document.getElementById("live-text");
  const button = document.getElementById("live-button");
  let source = null;
  let timer = null;
  let paused = false;
  let stale = false;
  let loading = false;

  const say = (text, kind) => {
    words.textContent = text;
    box.className = `live ${kind}`;
  };

  const typing = () => {
    const at = document.activeElement;
    return main.contains(at) && at.matches("input, select, textarea");
  };

  const swap = (page) => {
    const fresh = page.getElementById("main");
    const closed = new Map([...main.querySelectorAll("details[id]")].map((e) => [e.id, e.open]));
    const scrolled = [...main.querySelectorAll(".scroll")].map((e) => e.scrollLeft);
    const focused = main.contains(document.activeElement) ? document.activeElement : null;
    const links = focused && [...main.querySelectorAll("a, button, summary, [tabindex]")];
    const place = focused ? links.indexOf(focused) : -1;
    main.replaceChildren(...fresh.childNodes);
    main.dataset.version = fresh.dataset.version || "";
    document.title = page.title;
    for (const [id, open] of closed) {
      const found = document.getElementById(id);
      if (found) found.open = open;
    }
    main.querySelectorAll(".scroll").forEach((e, i) => { e.scrollLeft = scrolled[i] || 0; });
    const again = main.querySelectorAll("a, button, summary, [tabindex]")[place];
    if (again) again.focus({ preventScroll: true });
  };

  const load = async () => {
    stale = true;
    if (loading || paused || typing() || document.hidden) return;
    loading = true;
    stale = false;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.redirected) { location.reload(); return; }
      if (!answer.ok) throw new Error(answer.statusText);
      swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
      say("live", "");
    } catch {
      stale = true;
      say("disconnected", "lost");
    }
    setTimeout(() => { loading = false; if (stale) load(); }, CALM_MS);
  };

  const stop = () => {
    if (source) source.close();
    clearInterval(timer);
    source = timer = null;
  };

  // A stream that ends is opened again by the browser; one that is refused is not.
  const broken = () => {
    if (source && source.readyState === EventSource.CLOSED && !timer) timer = setInterval(load, LATER_MS);
    setTimeout(() => {
      if (source && source.readyState !== EventSource.OPEN && !timer) say("disconnected", "lost");
    }, PATIENT_MS);
  };

  const start = () => {
    stop();
    if (paused || document.hidden) return;
    say("live", "");
    if (refresh) {
      timer = setInterval(load, Number(refresh) * 1000);
      return;
    }
    source = new EventSource(`${events}?seen=${encodeURIComponent(main.dataset.version || "")}`);
    source.addEventListener("change", load);
    source.addEventListener("open", () => say("live", ""));
    source.addEventListener("error", broken);
  };

  button.addEventListener("click", () => {
    paused = !paused;
    button.textContent = paused ? "Resume" : "Pause";
    button.setAttribute("aria-pressed", String(paused));
    if (paused) { stop(); say("paused", "off"); } else { start(); if (refresh) load(); }
  });
  main.addEventListener("focusout", () => setTimeout(() => { if (stale) load(); }));
  document.addEventListener("visibilitychange", () => { start(); if (stale || refresh) load(); });
  window.addEventListener("pagehide", stop);
  box.hidden = false;
  start();
})();
