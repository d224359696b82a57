"""Markdown of strangers, made into HTML that only shows."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.forge.markdown import render

TAGS = {
    *("a", "blockquote", "br", "code", "details", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr"),
    *("img", "li", "ol", "p", "pre", "strong", "sub", "summary", "table", "tbody", "td", "th"),
    *("thead", "tr", "ul"),
}
ATTRIBUTES = {"href", "src", "alt", "title", "class", "start", "style"}


class Harmless(HTMLParser):
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        for name, value in attrs:
            assert name in ATTRIBUTES
            if name in {"href", "src"}:
                assert not re.match(
                    r"\s*(javascript|vbscript|data|file):", value or "", re.IGNORECASE
                )

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment came through: {data}")


PIECES = st.sampled_from(
    [
        *(
            "<script>",
            "<details>",
            "<summary>",
            "</details>",
            "<img src=x onerror=y>",
            "<!--",
            "-->",
        ),
        *("[x](", "javascript:a", ")", "![", "](", "`", "```\n", "\n\n", "<", ">", "&lt;", '"'),
        *("<svg/onload=x>", "<details open onclick=x>", "| a |\n|--|\n", "<sub", "<br>", "<BR/>"),
        *("<http://x>", "\\", "x", " ", "*", "<a href='", "<scr<!-- -->ipt>"),
    ]
)


@given(st.lists(PIECES, max_size=25).map("".join))
def test_unsafe_markdown_is_escaped(text: str) -> None:
    Harmless().feed(render(text))


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("<!-- switchyard:wave x y -->\n\nHello", "\n<p>Hello</p>\n"),
        ("a <!-- hidden --> b", "<p>a  b</p>\n"),
        (
            "<details><summary>More</summary>\n\n**x**\n\n</details>",
            "<details><summary>More</summary>\n<p><strong>x</strong></p>\n</details>",
        ),
        (
            "```mermaid\ngraph TD\n```",
            '<pre><code class="language-mermaid">graph TD\n</code></pre>\n',
        ),
        (
            "<details><summary><code>1 -&gt; 2 &amp;amp; &lt;b&gt;</code></summary>",
            "<details><summary><code>1 -&gt; 2 &amp;amp; &lt;b&gt;</code></summary>",
        ),
        ("<script>x</script>", "<p>&lt;script&gt;x&lt;/script&gt;</p>"),
    ],
)
def test_markdown_of_switchyards_comments_is_rendered(text: str, html: str) -> None:
    assert render(text) == html
