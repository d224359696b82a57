"""What changes, for people: grouped over clusters, the riskiest first, within a budget.

A cluster's own folder stands as `*` in what is compared, so that twins look alike.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from bot.wording import changes as words
from bot.wording.changes import Variation
from bot.wording.markdown import code, code_in_html, fence, fold, listing, natural, plural, units
from planners.gating.change_sets import ChangeKind, ChangeSet
from renderers.diff import unified
from renderers.diff.fields import FileDocument, ObjectChange, compare_objects
from renderers.diff.risks import Risk, risks_of, severity

Blobs = Mapping[str, bytes]
SYNC = "clusters/*/sync/"
LONGEST_TITLE = 200
NAMED, MOST_CLUSTERS, MOST_LINES, MOST_TITLES, FEW_LINES = 3, 1_000, 40, 20, 10


@dataclass(frozen=True, slots=True)
class Group:
    """Clusters whose diffs are equal to the letter; `files` maps paths to unified diffs.

    `changes` come from these clusters' own change sets. Where everything is new, `variations` are
    the new objects that most clusters get with other fields, `extra` those they do not get now.
    """

    clusters: tuple[str, ...]
    files: Mapping[str, str]
    changes: tuple[ObjectChange, ...]
    risks: frozenset[Risk]
    variations: tuple[Variation, ...] = ()
    extra: tuple[ObjectChange, ...] = ()

    @property
    def new(self) -> bool:
        """Whether every object of it is new."""
        return bool(self.changes) and all(each.before is None for each in self.changes)


@dataclass(frozen=True, slots=True)
class Diffs:
    """Diffs of some change sets; `risks` are those of each wave, by its name."""

    groups: tuple[Group, ...]
    clusters: int
    risks: Mapping[str, frozenset[Risk]] = field(default_factory=dict)


class _Told(NamedTuple):
    """What a set of files changes in objects."""

    changes: tuple[ObjectChange, ...]
    risks: frozenset[Risk]


@dataclass(slots=True)
class Reader:
    """Compares each distinct file and each distinct set of files once."""

    blobs: Blobs
    compared: dict[tuple[str, bytes | None, bytes | None], int] = field(default_factory=dict)
    numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    files: list[tuple[str, unified.FileDiff]] = field(default_factory=list)
    told: dict[tuple[int, ...], _Told] = field(default_factory=dict)

    def number(self, path: str, cluster: str, old: str | None, new: str | None) -> int:
        """The number of a file's diff; equal diffs have one."""
        own, any_ = f"clusters/{cluster}/", "clusters/*/"
        shared = path.replace(own, any_, 1)
        was, now = (
            self.blobs[each].replace(own.encode(), any_.encode()) if each else None
            for each in (old, new)
        )
        key = (shared, was, now)
        if key not in self.compared:
            found = unified.compare(*key)
            number = self.numbers.setdefault((shared, found.unified), len(self.files))
            if number == len(self.files):
                self.files.append((shared, found))
            self.compared[key] = number
        return self.compared[key]

    def tell(self, numbers: tuple[int, ...]) -> _Told:
        """What those files change in objects; the agent's own are told of where they are alone."""
        if numbers not in self.told:
            mine = [self.files[number] for number in numbers]
            mine = [each for each in mine if not each[0].startswith(SYNC)] or mine
            before = [FileDocument(path, each) for path, found in mine for each in found.before]
            after = [FileDocument(path, each) for path, found in mine for each in found.after]
            found = compare_objects(before, after)
            self.told[numbers] = _Told(found, _union(risks_of(each) for each in found))
        return self.told[numbers]


def diffs_of(changes: Sequence[ChangeSet], blobs: Blobs, reader: Reader | None = None) -> Diffs:
    """Group the diffs of those changes; `blobs` has the bytes of every blob id they name.

    A `reader` of these blobs remembers what it compared for another call.
    """
    reader = reader or Reader(blobs)
    by_cluster: dict[str, list[tuple[int, ...]]] = {}
    risks: dict[str, frozenset[Risk]] = {}
    for change in changes:
        mine: dict[str, list[int]] = {}
        for file in change.files:
            cluster = file.unit.cluster
            number = reader.number(file.path, cluster, file.old, file.new)
            mine.setdefault(cluster, []).append(number)
        sets = {cluster: tuple(sorted(numbers)) for cluster, numbers in mine.items()}
        for cluster, numbers in sets.items():
            by_cluster.setdefault(cluster, []).append(numbers)
        risks[change.wave.name] = _union(reader.tell(each).risks for each in set(sets.values()))
    return Diffs(_groups(reader, by_cluster), len(by_cluster), risks)


def _groups(reader: Reader, by_cluster: Mapping[str, list[tuple[int, ...]]]) -> tuple[Group, ...]:
    alike: dict[tuple[tuple[int, ...], ...], list[str]] = {}
    for cluster in sorted(by_cluster):
        alike.setdefault(tuple(by_cluster[cluster]), []).append(cluster)
    found = []
    for sets, clusters in alike.items():
        told = [reader.tell(numbers) for numbers in sets]
        objects = tuple(change for each in told for change in each.changes)
        files = [reader.files[number] for numbers in sets for number in numbers]
        texts = {path: each.unified for path, each in sorted(files, key=lambda file: file[0])}
        found.append(Group(tuple(clusters), texts, objects, _union(each.risks for each in told)))
    found.sort(key=lambda each: (severity(each.risks), -len(each.clusters), each.clusters))
    return _with_variations(found)


def _with_variations(groups: Sequence[Group]) -> tuple[Group, ...]:
    """The groups in which everything is new, each with how it varies from the largest of them."""
    first = max(
        (each for each in groups if each.new), key=lambda each: len(each.clusters), default=None
    )
    if first is None:
        return tuple(groups)
    return tuple(
        _compared(each, first) if each.new and each is not first else each for each in groups
    )


def _compared(group: Group, most: Group) -> Group:
    """The group with what it creates otherwise or besides what `most` creates.

    What `most` creates and the group does not is left out: that a change set lacks an object does
    not say that its clusters do, as they may have it already.
    """
    found = compare_objects(_documents(most), _documents(group))
    both = (each for each in found if each.before is not None and each.after is not None)
    return replace(
        group,
        variations=tuple(Variation(each.name, each.fields) for each in both if each.fields),
        extra=tuple(each for each in found if each.before is None),
    )


def _documents(group: Group) -> list[FileDocument]:
    return [
        FileDocument(each.file, dict(each.after))
        for each in group.changes
        if each.after is not None
    ]


def _union(risks: Iterable[frozenset[Risk]]) -> frozenset[Risk]:
    return frozenset().union(*risks)


def flags(risks: Iterable[Risk]) -> str:
    """Risks in words, the worst first."""
    return ", ".join(risk.value for risk in Risk if risk in frozenset(risks))


def render_diffs(diffs: Diffs, budget: int, where: str) -> str:
    """The groups as folds within `budget`; `where` says where people find what is left out."""
    if not diffs.groups:
        return ""
    found = folds(diffs, budget, where)
    return found if found is not None else titles(diffs, where)


def folds(diffs: Diffs, budget: int, where: str) -> str | None:
    """A fold for each group; the largest lose their diffs. None where that is not enough."""
    shown = [_fold(each, diffs.clusters) for each in diffs.groups]
    left = sum(units(each) + 2 for each in shown)
    note, dropped = "", 0
    for index in sorted(range(len(shown)), key=lambda index: -units(shown[index])):
        if left + units(note) <= budget:
            break
        brief = _brief(diffs.groups[index], diffs.clusters)
        left += units(brief) - units(shown[index])
        shown[index], dropped = brief, dropped + 1
        note = _left_out(dropped, len(shown), where)
    if left + units(note) > budget:
        return None
    return "\n\n".join([note, *shown] if note else shown)


def titles(diffs: Diffs, where: str) -> str:
    """One line for each of the riskiest groups: what is left when folds do not fit."""
    lines = [f"- {_title(each, diffs.clusters, code)}" for each in diffs.groups[:MOST_TITLES]]
    if len(diffs.groups) > MOST_TITLES:
        lines.append(f"- and {plural(len(diffs.groups) - MOST_TITLES, 'group')} more")
    count = len(diffs.groups)
    return "\n\n".join([_left_out(count, count, where), "\n".join(lines)])


def _left_out(count: int, groups: int, where: str) -> str:
    what = f"diffs of {count} of {groups} groups" if groups > 1 else "diff"
    return f"Too long to stand here: the {what}. {where}"


def _fold(group: Group, clusters: int) -> str:
    """A group with all that is known of it."""
    parts = [_comparison(group), _bullets(words.lines(group.changes), MOST_LINES)]
    if len(group.clusters) > NAMED:
        names = code(listing(natural(group.clusters), MOST_CLUSTERS), 100_000)
        parts.append(fold(f"The {plural(len(group.clusters), 'cluster')}", names))
    parts.append(fence("\n".join(each.rstrip() for each in group.files.values()), "diff"))
    return fold(_title(group, clusters, code_in_html), "\n\n".join(part for part in parts if part))


def _brief(group: Group, clusters: int) -> str:
    """A group without its diff."""
    lines = _comparison(group) or _bullets(words.lines(group.changes), FEW_LINES)
    names = code(listing(natural(group.clusters), MOST_TITLES), 1_000)
    return fold(_title(group, clusters, code_in_html), f"{lines}\n\nOn {names}; without its diff.")


def _comparison(group: Group) -> str:
    """How new objects differ from those of most clusters."""
    found = [*words.variation_lines(group.variations), *words.lines(group.extra)]
    return f"Differs from most clusters:\n\n{_bullets(found, FEW_LINES)}" if found else ""


def _bullets(found: Sequence[str], most: int) -> str:
    shown = [f"- {code(each, 300)}" for each in found[:most]]
    if len(found) > most:
        shown.append(f"- and {len(found) - most} more")
    return "\n".join(shown)


def _title(group: Group, clusters: int, span: Callable[[str], str]) -> str:
    """Such as `207 of 212 clusters: image 1.4.2 -> 1.5.0`; `span` disarms names and values."""
    count = len(group.clusters)
    who = (
        plural(count, "cluster").replace(f"{count} clusters", f"all {count} clusters")
        if count == clusters
        else f"{count} of {clusters} clusters"
    )
    if count <= NAMED:
        who += f" ({span(', '.join(natural(group.clusters)))})"
    risks = f" · {flags(group.risks)}" if group.risks else ""
    changes = words.title(group.changes)
    if compared := words.comparison_title(group.variations, len(group.extra)):
        changes += f"; differs from most clusters: {compared}"
    return f"{who}: {span(changes)}{risks}"


def said(group: Group, clusters: int) -> str:
    """A group's title as plain text, of a bounded length."""
    return _title(group, clusters, str)[:LONGEST_TITLE]


def counts(change: ChangeSet) -> str:
    """`3 created, 1 deleted`, or that nothing is left to merge."""
    found = [f"{change.count(kind)} {kind}" for kind in ChangeKind if change.count(kind)]
    return ", ".join(found) or "nothing left to merge"
