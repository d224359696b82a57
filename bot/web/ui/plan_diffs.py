"""The diffs of a plan: equal ones shown once, filtered, in pages of a bounded size."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from bot.report.model import DiffView, PlanView
from bot.wording.markdown import natural

PAGE_BYTES = 190_000
LINE_BYTES, FILE_BYTES = 34, 420
FEW = 4
MOST_LINES = 3_000
LINE_KINDS = {"+": "add", "-": "del", "@": "hunk"}

GroupId = tuple[int, int]
"""The number of a wave, and of a group of clusters in it."""


@dataclass(frozen=True, slots=True)
class DiffFilter:
    """What to show; empty stands for everything."""

    text: str = ""
    cluster: str = ""
    wave: str = ""


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a diff; `kind` is add, del, hunk or same."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class FileSection:
    """One file's diff; `cut` counts the lines that are left out."""

    diff: DiffView
    anchor: str
    lines: Sequence[DiffLine]
    cut: int = 0


@dataclass(frozen=True, slots=True)
class DiffSection:
    """Files that change in the same way on the same clusters, in whatever waves."""

    clusters: Sequence[str]
    waves: Sequence[str]
    files: Sequence[FileSection]

    @property
    def anchor(self) -> str:
        """That of its first file."""
        return self.files[0].anchor


@dataclass(frozen=True, slots=True)
class DiffPage:
    """One page; `left_out` counts the diffs that were too large to keep. `unfolded`: few files."""

    sections: Sequence[DiffSection]
    number: int
    pages: int
    files: int
    left_out: int
    unfolded: bool


@dataclass(slots=True)
class _Found:
    """A file's diff, and every group of clusters that it stands in."""

    diff: DiffView
    groups: list[GroupId] = field(default_factory=list)


def diff_page(plan: PlanView, wanted: DiffFilter, number: int) -> DiffPage:
    """That page of the filtered diffs, or the nearest there is."""
    sections: dict[tuple[GroupId, ...], list[DiffView]] = {}
    for each in _matches(plan, wanted):
        sections.setdefault(tuple(each.groups), []).append(each.diff)
    ordered = [
        (groups, diff)
        for groups, files in sections.items()
        for diff in sorted(files, key=lambda each: each.path)
    ]
    starts = _starts([diff for _, diff in ordered], plan.texts)
    number = min(max(number, 1), len(starts))
    first = starts[number - 1]
    shown = ordered[first : starts[number] if number < len(starts) else len(ordered)]
    return DiffPage(
        sections=_sections(plan, shown, first),
        number=number,
        pages=len(starts),
        files=len(ordered),
        left_out=sum(not diff.text for _, diff in ordered),
        unfolded=len(shown) <= FEW,
    )


def _matches(plan: PlanView, wanted: DiffFilter) -> Iterator[_Found]:
    text = wanted.text.casefold()
    hits = {name for name, diff in plan.texts.items() if text in diff.casefold()}
    found: dict[tuple[str, str, int], _Found] = {}
    for at, wave in enumerate(plan.waves):
        if wanted.wave not in {"", wave.name}:
            continue
        for place, group in enumerate(wave.groups):
            if wanted.cluster and wanted.cluster not in group.clusters:
                continue
            for diff in group.files:
                if diff.text in hits or text in diff.path.casefold():
                    key = (diff.path, diff.text, diff.size)
                    found.setdefault(key, _Found(diff)).groups.append((at, place))
    yield from found.values()


def _starts(found: Sequence[DiffView], texts: Mapping[str, str]) -> list[int]:
    """Where each page begins."""
    starts, size = [0], 0
    for index, diff in enumerate(found):
        text = texts.get(diff.text, "")
        costs = FILE_BYTES + len(escape(text)) + LINE_BYTES * text.count("\n")
        if size + costs > PAGE_BYTES and index > starts[-1]:
            starts.append(index)
            size = 0
        size += costs
    return starts


def _sections(
    plan: PlanView, shown: Sequence[tuple[tuple[GroupId, ...], DiffView]], first: int
) -> list[DiffSection]:
    found: dict[tuple[GroupId, ...], list[FileSection]] = {}
    for count, (groups, diff) in enumerate(shown, first + 1):
        found.setdefault(groups, []).append(_file(diff, f"file-{count}", plan.texts))
    return [DiffSection(*_places(plan, groups), files) for groups, files in found.items()]


def _places(plan: PlanView, groups: Sequence[GroupId]) -> tuple[list[str], list[str]]:
    """The clusters and the waves of these groups."""
    clusters = {name for wave, place in groups for name in plan.waves[wave].groups[place].clusters}
    waves = dict.fromkeys(plan.waves[wave].name for wave, _ in groups)
    return natural(clusters), [*waves]


def _file(diff: DiffView, anchor: str, texts: Mapping[str, str]) -> FileSection:
    """A diff without its head, cut where it would make a page too heavy."""
    if not diff.text:
        return FileSection(diff, anchor, [])
    lines = [line for line in texts[diff.text].split("\n")[2:] if line]
    kept: list[DiffLine] = []
    left = PAGE_BYTES
    for line in lines[:MOST_LINES]:
        left -= len(escape(line)) + LINE_BYTES
        if left < 0:
            break
        kept.append(DiffLine(LINE_KINDS.get(line[:1], "same"), line))
    return FileSection(diff, anchor, kept, len(lines) - len(kept))


def clusters_of(plan: PlanView) -> list[str]:
    """Every cluster that the plan changes, sorted."""
    return natural(
        {name for wave in plan.waves for group in wave.groups for name in group.clusters}
    )
