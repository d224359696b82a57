"""The page of a plan: diffs filtered by wave, cluster and text, in pages of a bounded size."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bot.report.model import DiffView, PlanView, PlanWaveView

PAGE_BYTES = 300_000
LINE_BYTES, FILE_BYTES = 30, 300
LINE_KINDS = {"+": "add", "-": "del", "@": "hunk"}


@dataclass(frozen=True, slots=True)
class PlanFilter:
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
    """One file's diff. `same_as` is the anchor of an equal diff above; `lines` is empty then."""

    diff: DiffView
    anchor: str
    same_as: str
    lines: Sequence[DiffLine]


@dataclass(slots=True)
class GroupSection:
    """Clusters on which the same files change in the same way."""

    clusters: Sequence[str]
    files: list[FileSection] = field(default_factory=list)


@dataclass(slots=True)
class WaveSection:
    """One wave's groups, as far as they are on this page."""

    name: str
    changes: str
    groups: list[GroupSection] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PlanPage:
    """One page of a plan; `left_out` counts the diffs that were too large to keep."""

    waves: Sequence[WaveSection]
    number: int
    pages: int
    files: int
    left_out: int


@dataclass(frozen=True, slots=True)
class _Match:
    """A file that passed the filter, with its wave and the number of its group."""

    wave: PlanWaveView
    group: int
    diff: DiffView


def plan_page(plan: PlanView, wanted: PlanFilter, number: int) -> PlanPage:
    """That page of the filtered plan, or the nearest there is."""
    found = list(_matches(plan, wanted))
    starts = _starts(found, plan.texts)
    number = min(max(number, 1), len(starts))
    end = starts[number] if number < len(starts) else len(found)
    return PlanPage(
        waves=_waves(found[starts[number - 1] : end], plan.texts),
        number=number,
        pages=len(starts),
        files=len(found),
        left_out=sum(not match.diff.text for match in found),
    )


def _matches(plan: PlanView, wanted: PlanFilter) -> Iterator[_Match]:
    text = wanted.text.casefold()
    hits = {name for name, diff in plan.texts.items() if text in diff.casefold()}
    for wave in plan.waves:
        if wanted.wave not in {"", wave.name}:
            continue
        for place, group in enumerate(wave.groups):
            if wanted.cluster and wanted.cluster not in group.clusters:
                continue
            for diff in group.files:
                if diff.text in hits or text in diff.path.casefold():
                    yield _Match(wave, place, diff)


def _starts(found: Sequence[_Match], texts: Mapping[str, str]) -> list[int]:
    """Where each page begins; a text costs space where it first stands on its page."""
    starts, size = [0], 0
    seen: set[str] = set()
    for index, match in enumerate(found):
        name = match.diff.text
        text = texts.get(name, "")
        whole = FILE_BYTES + len(text) + LINE_BYTES * text.count("\n")
        costs = FILE_BYTES if name in seen else whole
        if size + costs > PAGE_BYTES and index > starts[-1]:
            starts.append(index)
            size, costs, seen = 0, whole, set()
        size += costs
        seen.add(name)
    return starts


def _waves(found: Sequence[_Match], texts: Mapping[str, str]) -> list[WaveSection]:
    waves: list[WaveSection] = []
    anchors: dict[str, str] = {}
    group_before: tuple[str, int] | None = None
    for count, match in enumerate(found, 1):
        wave = match.wave
        if not waves or waves[-1].name != wave.name:
            waves.append(WaveSection(wave.name, wave.changes))
        if group_before != (wave.name, match.group):
            waves[-1].groups.append(GroupSection(wave.groups[match.group].clusters))
        group_before = (wave.name, match.group)
        waves[-1].groups[-1].files.append(_file(match.diff, f"file-{count}", anchors, texts))
    return waves


def _file(
    diff: DiffView, anchor: str, anchors: dict[str, str], texts: Mapping[str, str]
) -> FileSection:
    if not diff.text:
        return FileSection(diff, anchor, same_as="", lines=[])
    same_as = anchors.get(diff.text, "")
    anchors.setdefault(diff.text, anchor)
    return FileSection(diff, anchor, same_as, [] if same_as else _lines(texts[diff.text]))


def _lines(text: str) -> list[DiffLine]:
    """Each line of a diff without its head."""
    lines = (line for line in text.split("\n")[2:] if line)
    return [DiffLine(LINE_KINDS.get(line[:1], "same"), line) for line in lines]


def clusters_of(plan: PlanView) -> list[str]:
    """Every cluster that the plan changes, sorted."""
    return sorted({name for wave in plan.waves for group in wave.groups for name in group.clusters})
