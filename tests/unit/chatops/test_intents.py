"""The words of suggested changes, with the words of strangers in them, and their names."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.chatops.intents import name_for
from bot.chatops.intents.fleet import Meant, meant
from bot.documents import read_fleet
from bot.documents.edits import with_freeze
from bot.effects.intent_requests import ChangeRefusedError
from bot.wording.suggestions import ChangeOrigin, body, commit_message
from tests.fakes.world import small_fleet

FILES = {path: content for path, content in small_fleet().items() if content is not None}
LONG = "topology.kubernetes.io/region=eu-central-1"
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
URL = "https://forge.example/shop/storefront/pull/1#issuecomment-2"


def test_who_asked_is_an_author_of_the_commit() -> None:
    origin = ChangeOrigin("rita", "2+rita@users.noreply.example", NOON, URL, "disks")

    assert commit_message("Drain cluster one", origin) == (
        f"Drain cluster one\n\nRequested by rita in {URL}\n\n"
        "Co-authored-by: rita <2+rita@users.noreply.example>\n"
    )


def test_a_name_or_an_address_cannot_end_the_line() -> None:
    origin = ChangeOrigin("ri\nta <x@y>", "a@b>\nCo-authored-by: eve <e@f", NOON, URL, "")

    *_, last = commit_message("Drain", origin).rstrip("\n").split("\n\n")
    assert last == "Co-authored-by: ri ta x@y <a@bCo-authored-by:evee@f>"


def test_a_reason_stays_code() -> None:
    origin = ChangeOrigin("rita", "r@x", NOON, URL, "`@all` fixes #1\n<!-- switchyard:intent x -->")

    text = body("Drain cluster one", "it moves.", origin, "<!-- marker -->")
    assert text.endswith("As `rita` requested it, somebody else should approve it.")
    assert "Reason: `'@all' fixes #1 \u2039!-- switchyard:intent x -->`" in text
    assert f"Requested by `rita` in [a comment]({URL}), 2026-11-20 12:00 UTC." in text


def of(text: str, **labels: str) -> Meant:
    """What a word means in a fleet whose first cluster has these labels, and two long names."""
    loaded = read_fleet(FILES)
    fleet, problems = loaded.fleet, loaded.problems
    assert problems == ()
    first, second, third = fleet.clusters
    named = replace(second, name="e" * 41), replace(third, name="e" * 40 + "f")
    return meant(replace(fleet, clusters=(replace(first, name="one", labels=labels), *named)), text)


def test_a_cluster_keeps_its_name_and_all_else_ends_with_a_digest() -> None:
    assert of("one").name == "one"
    assert of("", one="").name == "everything-a0a44ed8"
    assert of("region=eu", region="eu").name == "region-eu-2554b713"
    both = {"region": "eu", "tier": "edge"}
    assert of("tier=edge,region=eu", **both) == of("region=eu,tier=edge", **both)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (LONG, f"{LONG}2"),
        ("a.b=c", "a-b=c"),
        ("a=b-c", "a-b=c"),
        ("a=B", "a=b"),
        ("one", "one="),
        ("e" * 41, "e" * 40 + "f"),
    ],
)
def test_what_means_something_else_has_another_name(left: str, right: str) -> None:
    found = []
    for text in (left, right):
        key, equals, value = text.partition("=")
        found.append(of(text, **({key: value} if equals else {})))

    assert found[0].name != found[1].name
    for each in found:
        freeze = {
            "name": f"{each.name}-20261120-1400",
            "clusters": dict(each.written),
            "from": "2026-11-20T12:00:00Z",
            "until": "2026-11-20T14:00:00Z",
            "reason": "x",
        }
        changes = with_freeze(FILES, freeze)
        made = {**FILES, **{path: content for path, content in changes.items() if content}}
        problems = [each.message for each in read_fleet(made).problems]
        assert problems in ([], [f"unknown cluster {each.parts[0]!r}"])


def test_a_name_tells_where_one_part_ends() -> None:
    assert name_for("shop", "a-b", "c") == "shop-a-b-c-52c3ae2b"
    assert name_for("shop", "a", "b-c") == "shop-a-b-c-c59c5fcb"
    assert re.fullmatch(r"[a-z0-9-]{40}", name_for("s" * 63, "c" * 63))


def test_what_means_no_cluster_is_said() -> None:
    with pytest.raises(ChangeRefusedError, match="region=us selects no cluster of the fleet"):
        of("region=us", region="eu")
