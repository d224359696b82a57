"""A reviewer's trial: 60 clusters, and nothing but the comment to tell what happens where, and why.

The comments stand in `tests/golden/trial`; `pytest --inline-snapshot=create,fix` writes them.
"""

from pathlib import Path

import pytest
from inline_snapshot import external_file

from tests.fakes import trial
from tests.fakes.comments import MARKER, assert_dead, read

GOLDEN = Path(__file__).parents[2] / "golden" / "trial"


@pytest.fixture(scope="module")
def comments(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The comments of the first install, of a rollout that waits, of a plan without edge-17."""
    made = {
        "first-install": trial.first_install(tmp_path_factory.mktemp("first")).comment(
            preview=True
        ),
        "wave-2-waits": trial.waiting(tmp_path_factory.mktemp("waiting")).comment(),
        "without-edge-17": trial.left_out(tmp_path_factory.mktemp("left")).comment(preview=True),
    }
    return {name: text.removeprefix(f"{MARKER}\n\n") + "\n" for name, text in made.items()}


def test_a_first_install_tells_what_sites_get_and_how_they_differ(comments: dict[str, str]) -> None:
    text = comments["first-install"]

    assert "changes 60 of 60 clusters in 12 waves" in text
    assert "28 of 60 clusters: 42 objects created</summary>" in text
    assert (
        "9 of 60 clusters: 42 objects created; differs from most clusters: <code>PAYMENT_METHODS"
        in text
    )
    assert (
        "`canary` is ready for 1s; `cart-redis, catalogue-db` Ready on the same cluster; " in text
    )
    assert "approval by `edge/eu` (clusters with `region=eu`)" in text
    assert_dead(read(text))
    assert text == external_file(GOLDEN / "first-install.md", format=".txt")


def test_it_tells_why_the_next_wave_waits(comments: dict[str, str]) -> None:
    text = comments["wave-2-waits"]
    first = text.splitlines()[0]

    assert "1 of 3 waves merged" in first
    assert "`rest.1.2`: waits for `canary` to be ready: `edge-33` (progressing)" in first
    assert "all 56 clusters: <code>image 1.4.2 -&gt; 1.5.0</code>" in text
    assert_dead(read(text))
    assert text == external_file(GOLDEN / "wave-2-waits.md", format=".txt")


def test_it_tells_why_a_cluster_is_left_out(comments: dict[str, str]) -> None:
    text = comments["without-edge-17"]

    assert (
        "- `edge-17`: components are removed (`maintenance`: `drained`, requires `no maintenance`)"
        in text
    )
    assert "on 59 of 60 clusters; excluded: <code>edge-17</code></summary>" in text
    assert "1 of 60 clusters (<code>edge-17</code>): 42 objects deleted" in text
    assert_dead(read(text))
    assert text == external_file(GOLDEN / "without-edge-17.md", format=".txt")
