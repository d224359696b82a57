"""Plans for tests of comments, and what a parser of Markdown makes of a comment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.engine.propose import Proposal, propose
from bot.wording import comment as words
from bot.wording.diffs import Diffs, diffs_of
from planners.model import ApprovalRule, Policy, Stage
from planners.model.selectors import Selector
from planners.model.snapshot import Snapshot
from tests.fakes.builders import World, application, clusters, component, deployment, snapshot

MARKER = "<!-- switchyard:home eyJhIjoiYiJ9 " + "0" * 64 + " -->"
LIMIT = 60_000
IMAGE = "registry.example.com/web"


def home(*, preview: bool, limit: int = LIMIT, plan_page: str = "") -> words.CommentContext:
    command = "switchyard plan --app APP --fleet FLEET --deploy DEPLOY"
    return words.CommentContext(
        MARKER, "storefront", "a" * 40, preview, "http://page", command, limit, plan_page
    )


def staged() -> tuple[Stage, ...]:
    return (Stage("canary", Selector({"canary": "true"})), Stage("rest"))


def approved_by(*users: str) -> Policy:
    return Policy("careful", (ApprovalRule(Selector({"canary": "true"}), 1, users=users),))


@dataclass
class Told:
    """A world, and every blob that was ever written in it."""

    world: World
    blobs: dict[str, bytes] = field(default_factory=dict)

    def installed(self) -> "Told":
        self.blobs.update(propose(self.world.snapshot).contents)
        self.world.finish()
        return self

    def change(self, **fields: object) -> "Told":
        self.world.snapshot = replace(self.world.snapshot, **fields)  # type: ignore[arg-type]
        return self

    def proposal(self) -> Proposal:
        return propose(self.world.snapshot)

    def diffs(self, proposal: Proposal) -> Diffs:
        changed = [each for each in proposal.changes if each.files]
        return diffs_of(changed, {**self.blobs, **proposal.contents})

    def comment(self, *, preview: bool = False, limit: int = LIMIT, plan_page: str = "") -> str:
        proposal = self.proposal()
        about = home(preview=preview, limit=limit, plan_page=plan_page)
        if proposal.problems:
            return words.problems(about, proposal.problems)
        return words.comment(about, proposal, self.diffs(proposal))


def sources(image: str = f"{IMAGE}:1.4.2", *parts: str) -> dict[str, Mapping[str, bytes]]:
    return {name: {"main.yaml": deployment(name, image)} for name in parts or ("redis", "web")}


def world(
    count: int = 3, policies: tuple[Policy, ...] = (), stages: tuple[Stage, ...] | None = None
) -> Told:
    """`web`, which needs `redis`, on so many clusters; nothing is installed yet."""
    parts = (component("redis"), component("web", "redis"))
    app = application(*parts, stages=staged() if stages is None else stages)
    start: Snapshot = snapshot(app, clusters(count), policies)
    return Told(World(replace(start, sources=sources())))


@dataclass
class Read:
    """A comment as Markdown: blocks by type, and all text that a forge looks for mentions in."""

    headings: list[str] = field(default_factory=list)
    tables: list[list[str]] = field(default_factory=list)
    fences: list[Token] = field(default_factory=list)
    folds: int = 0
    kinds: set[str] = field(default_factory=set)
    live: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)


def read(text: str) -> Read:
    """Parse a comment; fails where folds do not nest or a comment is not closed."""
    found, depth, row = Read(), 0, False
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    for index, token in enumerate(tokens):
        found.kinds.add(token.type)
        match token.type:
            case "heading_open":
                found.headings.append(tokens[index + 1].content)
            case "thead_open":
                found.tables.append([])
                row = True
            case "thead_close":
                row = False
            case "fence":
                found.fences.append(token)
            case "html_block":
                found.html.append(token.content)
                depth += token.content.count("<details>") - token.content.count("</details>")
                found.folds += token.content.count("<details>")
                assert depth >= 0
                found.live.append(_outside_code(token.content))
            case "inline":
                if row:
                    found.tables[-1].append(token.content)
                found.live.append(_prose(token))
    assert depth == 0
    return found


def _prose(token: Token) -> str:
    """Text outside of code spans; the text of links is none to a forge either."""
    said, linked = "", 0
    for child in token.children or []:
        linked += {"link_open": 1, "link_close": -1}.get(child.type, 0)
        if child.type != "code_inline" and not linked:
            said += child.content if child.type != "softbreak" else "\n"
    return said


def _outside_code(html: str) -> str:
    return re.sub(r"<code>.*?</code>", " ", html)


def assert_dead(found: Read) -> None:
    """Nothing outside of code mentions, refers, closes or commands; no HTML but ours."""
    for prose in found.live:
        mine = re.sub(r"<!-- switchyard:home \w+ 0{64} -->|</?(details|summary|sub)>", "", prose)
        assert not re.search(r"@\w|[#!&%~$]\d|GH-\d|https?:|www\.|<|`", mine)
        assert not re.search(r"(?i)\b(fix(e[sd])?|close[sd]?|resolve[sd]?)\b:?\s+\S*[#!/]", mine)
        assert not re.search(r"(?m)^\s*/", mine)
