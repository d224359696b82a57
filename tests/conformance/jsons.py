"""JSON values: any, and those that use the words of the code that reads them."""

from collections.abc import Sequence

from hypothesis import strategies as st

from planners.model import Json

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=8)


def jsons(words: Sequence[str] = (), leaves: int = 12) -> st.SearchStrategy[Json]:
    """Nested values; with `words`, keys and strings are mostly among these."""
    text = st.sampled_from(sorted(words)) | TEXT if words else TEXT
    plain = st.none() | st.booleans() | st.integers() | st.floats() | text
    return st.recursive(
        plain,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=5),
        max_leaves=leaves,
    )
