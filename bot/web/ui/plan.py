"""The plan's page: diffs filtered by wave, cluster and text, cut into pages of a bounded size."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

PAGE_BYTES = 300_000
LINE_BYTES, FILE_BYTES = 30, 300


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reader wants to see; empty stands for everything."""

    text: str = ""
    cluster: str = ""
    wave: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """One file's diff. `same` is the anchor of the same diff further up; `lines` is empty then."""

    path: str
    anchor: str
    added: int
    removed: int
    size: int
    kept: bool
    same: str
    lines: Sequence[tuple[str, str]]


@dataclass(slots=True)
class Group:
    """Clusters on which the same files change in the same way."""

    clusters: Sequence[str]
    files: list[File] = field(default_factory=list)


@dataclass(slots=True)
class Wave:
    """One wave's groups, as far as they are on this page."""

    name: str
    changes: str
    groups: list[Group] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Shown:
    """One page of a plan; `left_out` counts the diffs that were too large to keep."""

    waves: Sequence[Wave]
    number: int
    pages: int
    files: int
    left_out: int


Place = tuple[Mapping[str, Any], int, Mapping[str, Any]]


def shown(plan: Mapping[str, Any], asked: Asked, number: int) -> Shown:
    """That page of what was asked for, or the nearest there is."""
    texts = plan["texts"]
    found = list(_files(plan, asked))
    starts = _starts(found, texts)
    number = min(max(number, 1), len(starts))
    end = starts[number] if number < len(starts) else len(found)
    return Shown(
        waves=_waves(found[starts[number - 1] : end], texts),
        number=number,
        pages=len(starts),
        files=len(found),
        left_out=sum(not file["text"] for _, _, file in found),
    )


def _files(plan: Mapping[str, Any], asked: Asked) -> Iterator[Place]:
    """Every file that was asked for, with its wave and the number of its group."""
    texts, wanted = plan["texts"], asked.text.casefold()
    hits = {name for name, text in texts.items() if wanted in text.casefold()}
    for wave in plan["waves"]:
        if asked.wave not in {"", wave["name"]}:
            continue
        for place, group in enumerate(wave["groups"]):
            if asked.cluster and asked.cluster not in group["clusters"]:
                continue
            for file in group["files"]:
                if file["text"] in hits or wanted in file["path"].casefold():
                    yield wave, place, file


def _starts(found: Sequence[Place], texts: Mapping[str, str]) -> list[int]:
    """Where each page begins: a text counts where it stands first on its page."""
    starts, size = [0], 0
    seen: set[str] = set()
    for index, (_, _, file) in enumerate(found):
        name = file["text"]
        text = texts.get(name, "")
        whole = FILE_BYTES + len(text) + LINE_BYTES * text.count("\n")
        costs = FILE_BYTES if name in seen else whole
        if size + costs > PAGE_BYTES and index > starts[-1]:
            starts.append(index)
            size, costs, seen = 0, whole, set()
        size += costs
        seen.add(name)
    return starts


def _waves(found: Sequence[Place], texts: Mapping[str, str]) -> list[Wave]:
    waves: list[Wave] = []
    anchors: dict[str, str] = {}
    place_before: tuple[str, int] | None = None
    for count, (wave, place, file) in enumerate(found, 1):
        if not waves or waves[-1].name != wave["name"]:
            waves.append(Wave(wave["name"], wave["changes"]))
        if place_before != (wave["name"], place):
            waves[-1].groups.append(Group(wave["groups"][place]["clusters"]))
        place_before = (wave["name"], place)
        waves[-1].groups[-1].files.append(_file(file, f"file-{count}", anchors, texts))
    return waves


def _file(
    file: Mapping[str, Any], anchor: str, anchors: dict[str, str], texts: Mapping[str, str]
) -> File:
    name = file["text"]
    same = anchors.get(name, "") if name else ""
    if name:
        anchors.setdefault(name, anchor)
    lines = [] if same or not name else _lines(texts[name])
    return File(
        file["path"], anchor, file["added"], file["removed"], file["bytes"], bool(name), same, lines
    )


def _lines(text: str) -> list[tuple[str, str]]:
    """Each line of a diff without its head, with the word for what it is."""
    words = {"+": "add", "-": "del", "@": "hunk"}
    return [(words.get(line[:1], "same"), line) for line in text.split("\n")[2:] if line]


def clusters_of(plan: Mapping[str, Any]) -> list[str]:
    """Every cluster that the plan changes, sorted."""
    return sorted(
        {name for wave in plan["waves"] for group in wave["groups"] for name in group["clusters"]}
    )
