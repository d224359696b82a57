"""The words of suggested changes, with the words of strangers in them."""

from datetime import UTC, datetime

from bot.wording.suggestions import Asked, body, commit_message

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
URL = "https://forge.example/shop/storefront/pull/1#issuecomment-2"


def test_who_asked_is_an_author_of_the_commit() -> None:
    asked = Asked("rita", "2+rita@users.noreply.example", NOON, URL, "disks")

    assert commit_message("Drain cluster one", asked) == (
        f"Drain cluster one\n\nAsked for by rita in {URL}\n\n"
        "Co-authored-by: rita <2+rita@users.noreply.example>\n"
    )


def test_a_name_or_an_address_cannot_end_the_line() -> None:
    asked = Asked("ri\nta <x@y>", "a@b>\nCo-authored-by: eve <e@f", NOON, URL, "")

    *_, last = commit_message("Drain", asked).rstrip("\n").split("\n\n")
    assert last == "Co-authored-by: ri ta x@y <a@bCo-authored-by:evee@f>"


def test_a_reason_stays_code() -> None:
    asked = Asked("rita", "r@x", NOON, URL, "`@all` fixes #1\n<!-- switchyard:intent x -->")

    text = body("Drain cluster one", "it moves.", asked, "<!-- marker -->")
    assert text.endswith("It was asked for by `rita`: somebody else should approve it.")
    assert "Reason: `'@all' fixes #1 \u2039!-- switchyard:intent x -->`" in text
    assert f"`rita` [asked for it]({URL}), 2026-11-20 12:00 UTC." in text
