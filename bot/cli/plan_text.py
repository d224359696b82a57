"""What a plan changes, for people at a terminal: objects and diffs of each group of clusters.

Objects that are new or deleted are listed; `switchyard render` writes the content of the new ones.
"""

from collections.abc import Iterator

from bot.terminal import Line, Style
from bot.wording import changes as words
from bot.wording.diffs import DiffGroup, Diffs, title_of
from bot.wording.markdown import natural, plural
from planners.model import listing
from renderers.diff.fields import ObjectChange

INDENT = "  "
NAMED = 10
IN_TITLE = 3
NEW, GONE = "--- /dev/null", "+++ /dev/null"
STYLES = {"+": Style.GREEN, "-": Style.RED, "~": Style.YELLOW, "@": Style.CYAN}


def change_lines(diffs: Diffs) -> Iterator[Line]:
    """The groups, the riskiest first: title, clusters, objects, and the diffs of changed ones."""
    for group in diffs.groups:
        yield Line(str(title_of(group, diffs.clusters)), Style.BOLD)
        if IN_TITLE < len(group.clusters) < diffs.clusters:
            yield Line(f"{INDENT}on {listing(natural(group.clusters), NAMED)}")
        yield from _objects(group)
        for text in group.files.values():
            if text.startswith(NEW) or GONE in text.split("\n", 2)[1]:
                continue
            yield from (Line(INDENT + each, _style(each)) for each in text.splitlines())
        yield Line("")


def summary(diffs: Diffs) -> str:
    """How many objects change, each on each cluster: the size of the change."""
    counts = {"created": 0, "configured": 0, "deleted": 0}
    for group in diffs.groups:
        for change in group.changes:
            counts[kind_of(change)] += len(group.clusters)
    if not diffs.groups:
        return "nothing changes: everything is merged already"
    found = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    return f"objects: {found}, on {plural(diffs.clusters, 'cluster')}"


def kind_of(change: ObjectChange) -> str:
    """Created, configured or deleted."""
    if change.before is None:
        return "created"
    return "deleted" if change.after is None else "configured"


def _objects(group: DiffGroup) -> Iterator[Line]:
    """A line for each object or field; where most clusters get nearly the same, what differs."""
    varied = words.variation_lines(group.variations)
    changes = group.extra if varied or group.extra else group.changes
    if varied or group.extra:
        yield Line(f"{INDENT}differs from most clusters:")
        yield from (Line(f"{INDENT}~ {each}", Style.YELLOW) for each in varied)
    signs = {"created": "+", "configured": "~", "deleted": "-"}
    for change in changes:
        sign = signs[kind_of(change)]
        for line in words.lines([change]):
            yield Line(f"{INDENT}{sign} {line}", STYLES[sign])


def _style(line: str) -> Style | None:
    if line.startswith(("---", "+++")):
        return Style.BOLD
    return STYLES.get(line[:1])
