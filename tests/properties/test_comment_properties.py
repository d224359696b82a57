"""Laws of the comment over plans of any size, with anything written in them."""

from hypothesis import given
from hypothesis import strategies as st

from bot.engine.propose import Proposal
from bot.wording import comment as words
from bot.wording.diffs import OPEN_GROUPS, Diffs
from bot.wording.graph import MOST_NODES
from bot.wording.headline import sign
from bot.wording.markdown import units
from tests.fakes.comments import MARKER, Read, assert_dead, home, read
from tests.fakes.examples import examples
from tests.fakes.hostile import SECRET, Size, everywhere

PIECES = st.sampled_from(
    [
        *("@ada", "#1", "!1", "fixes #1", "<script>", "</details>", "</summary>", "<!--", "-->"),
        *("`", "```", "~~~", "\n", "\r", "\n\n", "|", "\\", "/approve", "<!-- switchyard:home x"),
        *("[x](y)", "https://x.example", "\u202e", "\U0001f600", "a", " ", "*", "_", "# ", "&lt;"),
    ]
)
TEXTS = st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=20).map("".join))
UNITS = 400


@st.composite
def sizes(draw: st.DrawFn) -> Size:
    """Many waves or many clusters, not both: what takes longest says nothing more."""
    waves = draw(st.integers(1, 90))
    clusters = draw(st.integers(1, min(40, UNITS // waves)))
    return Size(waves, clusters, draw(st.integers(1, 40)))


SIZES = sizes()


def folded(text: str) -> bool:
    """Whether it is the full comment, perhaps without some diffs."""
    return "Shortened because" not in text and "too large for a comment" not in text


def assert_structure(found: Read, diffs: Diffs, *, preview: bool) -> None:
    diff_fences = [each for each in found.fences if each.info == "diff"]
    listed = sum("<summary>Clusters (" in each for each in found.html)
    groups = len(diffs.groups)

    assert sum(" conditions</summary>" in each for each in found.html) == 1
    assert found.headings == ["Warnings" if preview else "What needs you", "Changes"]
    assert [each[0] for each in found.tables] == [
        *("stage", "wave"),
        *([] if preview else ["waves"]),
        "components",
    ]
    assert len(diff_fences) <= groups
    assert sum(each.info == "mermaid" for each in found.fences) == 1
    assert found.folds == 2 * (not preview) + groups + (groups > OPEN_GROUPS) + listed + 4


@given(TEXTS, TEXTS, SIZES, st.booleans(), st.integers(words.SMALLEST, 60_000))
@examples(40)
def test_any_comment_keeps_its_limit_and_reads_as_intended(
    text: str, written: str, size: Size, preview: bool, limit: int
) -> None:
    proposal, diffs = everywhere(text, written, size)
    shown = words.comment(home(preview=preview, limit=limit), proposal, diffs)

    assert units(shown) <= limit
    assert shown.startswith(f"{MARKER}\n\n{sign(proposal, preview=preview)} **`storefront`**: ")
    assert SECRET not in shown
    found = read(shown)
    if folded(shown):
        assert_structure(found, diffs, preview=preview)
    assert_dead(found)
    assert_charts(found)


def assert_charts(found: Read) -> None:
    for each in found.fences:
        if each.info == "mermaid":
            assert each.content.startswith("flowchart LR\n")
            assert each.content.count('"]') <= MOST_NODES


@given(TEXTS, SIZES)
@examples(15)
def test_without_a_limit_every_diff_is_shown(text: str, size: Size) -> None:
    proposal, diffs = everywhere("web", text, size)

    found = read(words.comment(home(preview=True, limit=10**9), proposal, diffs))

    assert sum(each.info == "diff" for each in found.fences) == len(diffs.groups)
    assert sorted({name for group in diffs.groups for name in group.clusters}) == sorted(
        {unit.cluster for change in proposal.changes for unit in change.units}
    )


@given(SIZES, st.integers(words.SMALLEST, 60_000))
@examples(15)
def test_a_larger_limit_never_shows_less(size: Size, limit: int) -> None:
    made: tuple[Proposal, Diffs] = everywhere("web", "x", size)

    less, more = (
        words.comment(home(preview=True, limit=each), *made) for each in (limit, limit + 5_000)
    )

    assert units(less) <= units(more) or folded(more) >= folded(less)


@given(st.text(), st.text())
def test_the_length_is_that_of_utf_16(one: str, other: str) -> None:
    assert units(one + other) == len((one + other).encode("utf-16-le")) // 2
