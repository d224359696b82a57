"""Checks of a page in a browser: errors, contrast, keyboard focus and layout."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import ConsoleMessage, Page, Request

# Visible texts with too little contrast to their background (WCAG 2.2, 1.4.3).
LOW_CONTRAST = """() => {
  const rgb = (text) => {
    const found = text.match(/[\\d.]+/g).map(Number);
    return { r: found[0], g: found[1], b: found[2], a: found.length > 3 ? found[3] : 1 };
  };
  const over = (top, below, alpha) => Object.fromEntries(
    ["r", "g", "b"].map((c) => [c, top[c] * alpha + below[c] * (1 - alpha)]));
  const light = ({ r, g, b }) => {
    const [x, y, z] = [r, g, b].map((v) => v / 255).map(
      (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const colours = (element) => {
    const chain = [];
    for (let at = element; at; at = at.parentElement) chain.unshift(at);
    let ground = rgb(getComputedStyle(document.documentElement).backgroundColor);
    let opacity = 1;
    if (!ground.a) ground = rgb(matchMedia("(prefers-color-scheme: dark)").matches
      ? "rgb(0,0,0)" : "rgb(255,255,255)");
    for (const at of chain) {
      const style = getComputedStyle(at);
      opacity *= Number(style.opacity);
      const own = rgb(style.backgroundColor);
      ground = over(own, ground, own.a);
    }
    const style = getComputedStyle(element);
    if (element.namespaceURI.endsWith("svg")) {
      const box = element.parentElement.querySelector(".box");
      if (box) ground = rgb(getComputedStyle(box).fill);
      return [over(rgb(style.fill), ground, opacity), ground, style];
    }
    const ink = rgb(style.color);
    return [over(ink, ground, ink.a * opacity), ground, style];
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode.data.trim();
    const element = texts.currentNode.parentElement;
    const range = document.createRange();
    range.selectNodeContents(texts.currentNode);
    if (!text || !range.getClientRects().length) continue;
    if (element.closest("script, noscript, title, [aria-disabled=true]")) continue;
    const [ink, ground, style] = colours(element);
    const [high, low] = [light(ink), light(ground)].sort((a, b) => b - a);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < (large ? 3 : 4.5)) found.push(`${text.slice(0, 40)} (${ratio.toFixed(2)})`);
  }
  return [...new Set(found)];
}"""

# The focused element, and why a sighted user would not see the focus.
FOCUS = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return null;
  const style = getComputedStyle(at);
  const mark = at.querySelector(".box");
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const drawn = mark && parseFloat(getComputedStyle(mark).strokeWidth) >= 2;
  const box = at.getBoundingClientRect();
  const seen = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  const bar = document.querySelector("header").getBoundingClientRect().bottom;
  const hidden = !at.closest("header, .skip") && box.bottom <= bar;
  return { path: window.pathOf(at), wrong: outlined || drawn ? (seen ? (hidden ? "is under the bar"
    : "") : "is out of sight") : "shows no focus" };
}"""

# The elements that the keyboard has to reach: all that a mouse can use.
USABLE = """() => {
  window.pathOf = (at) => {
    const steps = [];
    for (let e = at; e.parentElement; e = e.parentElement) {
      steps.unshift(`${e.tagName.toLowerCase()}:${[...e.parentElement.children].indexOf(e)}`);
    }
    return steps.join(">");
  };
  const all = document.querySelectorAll("a[href], button, input, select, textarea, summary");
  return [...all].filter((e) => e.getClientRects().length).map(window.pathOf);
}"""

# Labels of a filter that do not stand directly above their fields.
MISPLACED_LABELS = """() => [...document.querySelectorAll(".filter label")].filter((label) => {
  const told = label.getBoundingClientRect();
  const field = label.control.getBoundingClientRect();
  return told.bottom > field.top || field.top - told.bottom > 10 || told.left !== field.left;
}).map((label) => label.textContent)"""
# The number of lines of a cell's text.
LINES = """(cell) => {
  const told = document.createRange();
  told.selectNodeContents(cell.firstChild);
  return new Set([...told.getClientRects()].map((line) => line.top)).size;
}"""
# How far the page is wider than the window, in pixels.
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass
class Tab:
    """A page and its errors; `own` are the origins that it may send requests to."""

    page: Page
    own: tuple[str, ...]
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", self._on_request)
        self.page.on("console", self._on_console)
        self.page.on("pageerror", self._on_error)

    def _on_request(self, request: Request) -> None:
        found = urlsplit(request.url)
        if f"{found.scheme}://{found.netloc}" not in self.own:
            self.errors.append(f"requests {request.url}")

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.errors.append(f"{self.page.url} logs {message.text}")

    def _on_error(self, error: Any) -> None:
        self.errors.append(f"{self.page.url} fails: {error}")


@dataclass(frozen=True)
class TabOrder:
    """Elements that can be used, those that Tab reached, and where the focus was not visible."""

    usable: set[str]
    reached: set[str]
    unseen: list[str]


async def tab_through(page: Page) -> TabOrder:
    """Press Tab until the focus returns to an element that had it before."""
    usable = set(await page.evaluate(USABLE))
    reached: set[str] = set()
    unseen: list[str] = []
    while True:
        await page.keyboard.press("Tab")
        at = await page.evaluate(FOCUS)
        if at is None or at["path"] in reached:
            return TabOrder(usable, reached, unseen)
        reached.add(at["path"])
        if at["wrong"]:
            unseen.append(f"{at['path']} {at['wrong']}")
