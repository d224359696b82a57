"""What changes: diffs grouped over clusters, the riskiest first, within a length budget.

A cluster's own folder is written as `*` before comparison, so that equal changes of several
clusters fall into one group.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from urllib.parse import quote

from bot.wording import changes as words
from bot.wording.changes import Variation
from bot.wording.connections import ConnectionChanges, connection_changes
from bot.wording.markdown import code, fence, fold, link, natural, plural, units
from bot.wording.prose import NOTHING, Prose, names, say
from planners.gating.change_sets import ChangeSet
from planners.gating.differences import ChangeKind
from planners.model import listing
from renderers.diff import unified
from renderers.diff.fields import FileDocument, ObjectChange, compare_objects
from renderers.diff.risks import Risk, risks_of, severity

Blobs = Mapping[str, bytes]
CLUSTERS, ANY, SYNC = "clusters/", "clusters/*/", "clusters/*/sync/"
LONGEST_TITLE = 200
NAMED, MOST_CLUSTERS, MOST_LINES, MOST_TITLES, FEW_LINES = 3, 1_000, 40, 20, 10
OPEN_GROUPS, SHORT_DIFFS, FOLD_UNITS = 4, 80, 100


@dataclass(frozen=True, slots=True)
class DiffGroup:
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
    """Diffs of some change sets; `risks` are those of each wave, by its name.

    `connections` are what units gain and lose of connections.
    """

    groups: tuple[DiffGroup, ...]
    clusters: int
    risks: Mapping[str, frozenset[Risk]] = field(default_factory=dict)
    connections: ConnectionChanges = field(default_factory=ConnectionChanges)


class _ObjectChanges(NamedTuple):
    """What a set of files changes in objects."""

    changes: tuple[ObjectChange, ...]
    risks: frozenset[Risk]


@dataclass(slots=True)
class DiffReader:
    """Compares each distinct file and each distinct set of files once."""

    blobs: Blobs
    alike: dict[tuple[str, str | None, str | None], int] = field(default_factory=dict)
    compared: dict[tuple[str, bytes | None, bytes | None], int] = field(default_factory=dict)
    numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    files: list[tuple[str, unified.FileDiff]] = field(default_factory=list)
    objects: dict[tuple[int, ...], _ObjectChanges] = field(default_factory=dict)

    def number(self, path: str, cluster: str, old: str | None, new: str | None) -> int:
        """The number of a file's diff; equal diffs have one.

        Blobs that name no folder of a cluster are compared once for all clusters.
        """
        own = f"{CLUSTERS}{cluster}/"
        shared = path.replace(own, ANY, 1)
        names = (shared, old, new)
        number = self.alike.get(names)
        if number is None:
            blobs = [self.blobs[each] if each else None for each in (old, new)]
            number = self._compare(shared, own, *blobs)
            if not any(CLUSTERS.encode() in each for each in blobs if each):
                self.alike[names] = number
        return number

    def _compare(self, shared: str, own: str, old: bytes | None, new: bytes | None) -> int:
        was, now = (
            each if each is None else each.replace(own.encode(), ANY.encode())
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

    def objects_of(self, numbers: tuple[int, ...]) -> _ObjectChanges:
        """What those files change in objects; the agent's own objects count only on their own."""
        if numbers not in self.objects:
            mine = [self.files[number] for number in numbers]
            mine = [each for each in mine if not each[0].startswith(SYNC)] or mine
            before = [FileDocument(path, each) for path, found in mine for each in found.before]
            after = [FileDocument(path, each) for path, found in mine for each in found.after]
            found = compare_objects(before, after)
            self.objects[numbers] = _ObjectChanges(found, _union(risks_of(each) for each in found))
        return self.objects[numbers]


def diffs_of(changes: Sequence[ChangeSet], blobs: Blobs, reader: DiffReader | None = None) -> Diffs:
    """Group the diffs of those changes; `blobs` has the bytes of every blob id they name.

    A `reader` of these blobs remembers what it compared for another call.
    """
    reader = reader or DiffReader(blobs)
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
        risks[change.wave.name] = _union(
            reader.objects_of(each).risks for each in set(sets.values())
        )
    connections = connection_changes(changes, blobs)
    return Diffs(_groups(reader, by_cluster), len(by_cluster), risks, connections)


def _groups(
    reader: DiffReader, by_cluster: Mapping[str, list[tuple[int, ...]]]
) -> tuple[DiffGroup, ...]:
    alike: dict[tuple[tuple[int, ...], ...], list[str]] = {}
    for cluster in sorted(by_cluster):
        alike.setdefault(tuple(by_cluster[cluster]), []).append(cluster)
    found = []
    for sets, clusters in alike.items():
        found_in = [reader.objects_of(numbers) for numbers in sets]
        objects = tuple(change for each in found_in for change in each.changes)
        files = [reader.files[number] for numbers in sets for number in numbers]
        texts = {path: each.unified for path, each in sorted(files, key=lambda file: file[0])}
        found.append(
            DiffGroup(tuple(clusters), texts, objects, _union(each.risks for each in found_in))
        )
    found.sort(key=lambda each: (severity(each.risks), -len(each.clusters), each.clusters))
    return _with_variations(found)


def _with_variations(groups: Sequence[DiffGroup]) -> tuple[DiffGroup, ...]:
    """The groups in which everything is new, each with how it varies from the largest of them."""
    first = max(
        (each for each in groups if each.new), key=lambda each: len(each.clusters), default=None
    )
    if first is None:
        return tuple(groups)
    return tuple(
        _compared(each, first) if each.new and each is not first else each for each in groups
    )


def _compared(group: DiffGroup, most: DiffGroup) -> DiffGroup:
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


def _documents(group: DiffGroup) -> list[FileDocument]:
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


def folds(diffs: Diffs, budget: int, where: str, page: str = "") -> str | None:
    """A fold for each group; the largest lose their diffs. None where that is not enough.

    With the `page` of the plan, diffs are links to it, unless all of them together are short.
    """
    lines = sum(text.count("\n") for each in diffs.groups for text in each.files.values())
    linked = page if lines > SHORT_DIFFS else ""
    shown = [_fold(each, diffs.clusters, linked) for each in diffs.groups]
    more = len(shown) - OPEN_GROUPS
    left = sum(units(each) + 2 for each in shown) + (FOLD_UNITS if more > 0 else 0)
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
    if more > 0:
        rest = "\n\n".join(shown[OPEN_GROUPS:])
        shown[OPEN_GROUPS:] = [fold(plural(more, "more group"), rest)]
    return "\n\n".join([note, *shown] if note else shown)


def titles(diffs: Diffs, where: str) -> str:
    """One line for each of the riskiest groups: what is left when folds do not fit."""
    lines = [f"- {_title(each, diffs.clusters).markdown()}" for each in diffs.groups[:MOST_TITLES]]
    if len(diffs.groups) > MOST_TITLES:
        lines.append(f"- and {plural(len(diffs.groups) - MOST_TITLES, 'more group')}")
    count = len(diffs.groups)
    return "\n\n".join([_left_out(count, count, where), "\n".join(lines)])


def _left_out(count: int, groups: int, where: str) -> str:
    what = f"diffs of {count} of {groups} groups" if groups > 1 else "diff"
    return f"Left out because of the size limit: the {what}. {where}"


def _fold(group: DiffGroup, clusters: int, page: str) -> str:
    """A group with all that is known of it, its diff perhaps as a link."""
    most = FEW_LINES if page else MOST_LINES
    parts = [_comparison(group), _bullets(words.lines(group.changes), most)]
    if all(parts):  # two lists that follow each other are one list in Markdown
        parts.insert(1, "All changes:")
    if len(group.clusters) > NAMED:
        listed = code(listing(natural(group.clusters), MOST_CLUSTERS), 100_000)
        parts.append(fold(f"Clusters ({len(group.clusters)})", listed))
    if page:
        parts.append(link("Diff", f"{page}?cluster={quote(group.clusters[0], safe='')}"))
    else:
        texts = (each.rstrip() for each in group.files.values())
        parts.append(fence("\n".join(texts), "diff"))
    return fold(_title(group, clusters).html(), "\n\n".join(part for part in parts if part))


def _brief(group: DiffGroup, clusters: int) -> str:
    """A group without its diff."""
    lines = _comparison(group) or _bullets(words.lines(group.changes), FEW_LINES)
    on = names(natural(group.clusters), MOST_TITLES).markdown(1_000)
    return fold(_title(group, clusters).html(), f"{lines}\n\nClusters: {on}. Diff not shown.")


def _comparison(group: DiffGroup) -> str:
    """How new objects differ from those of most clusters."""
    found = [*words.variation_lines(group.variations), *words.lines(group.extra)]
    return f"Differs from most clusters:\n\n{_bullets(found, FEW_LINES)}" if found else ""


def _bullets(found: Sequence[Prose], most: int) -> str:
    shown = [f"- {each.markdown(300)}" for each in found[:most]]
    if len(found) > most:
        shown.append(f"- and {len(found) - most} more")
    return "\n".join(shown)


def _title(group: DiffGroup, clusters: int | None) -> Prose:
    """Such as `207 of 212 clusters: image 1.4.2 -> 1.5.0`."""
    count = len(group.clusters)
    who = plural(count, "cluster")
    if clusters is not None and clusters > 1:
        who = f"all {who}" if count == clusters else f"{count:,} of {plural(clusters, 'cluster')}"
    shown = ", ".join(natural(group.clusters))
    on = say(" ({})", shown) if count <= NAMED else NOTHING
    compared = words.comparison_title(group.variations, len(group.extra), most=1)
    return say(
        f"{who}{{}}: {{}}{{}}{{}}",
        on,
        words.title(group.changes),
        say("; differs from most clusters: {}", compared) if compared else NOTHING,
        say(f" \u00b7 {flags(group.risks)}") if group.risks else NOTHING,
    )


def title_of(group: DiffGroup, clusters: int | None = None) -> Prose:
    """A group's title, of a bounded length; without `clusters` it does not count the others.

    Then it stays the same while other clusters change.
    """
    return _title(group, clusters).cut(LONGEST_TITLE)


def counts(change: ChangeSet) -> str:
    """`3 created, 1 deleted`, or that nothing is left to merge."""
    found = [f"{change.count(kind):,} {kind}" for kind in ChangeKind if change.count(kind)]
    return ", ".join(found) or "nothing left to merge"
