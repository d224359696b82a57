"""Renders Markdown for the pages: a few HTML tags are allowed, comments are removed."""

import re
from collections.abc import Sequence
from html import escape, unescape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_ALLOWED = re.compile(r"(</?(?:code|details|summary|sub)>|<br>)")


def _html(text: str) -> str:
    """Remove comments, keep allowed tags, and escape everything else.

    Existing escapes are not escaped twice.
    """
    parts = _ALLOWED.split(_COMMENT.sub("", text))
    return "".join(part if _ALLOWED.fullmatch(part) else escape(unescape(part)) for part in parts)


def _render_html(tokens: Sequence[Token], index: int, *_: Any) -> str:
    token = tokens[index]
    html = _html(token.content)
    bare = token.type == "html_block" and html.strip() and not _ALLOWED.search(html)
    return f"<p>{html}</p>" if bare else html


def _make() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    parser.renderer.rules["html_block"] = _render_html  # type: ignore[attr-defined] # the HTML renderer has rules
    parser.renderer.rules["html_inline"] = _render_html  # type: ignore[attr-defined] # as above
    return parser


_PARSER = _make()


def render(text: str) -> str:
    """Safe HTML for an untrusted text."""
    return str(_PARSER.render(text))
