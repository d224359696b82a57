"""What `approve` sends to which forge, and when it sends nothing."""

import pytest

from bot.__main__ import main
from bot.cli.approve import comment_call
from bot.cli.errors import InputError
from bot.cli.http_client import Call, send
from bot.cli.service_api import MergeRequest, Rollout

CALLS = {
    "github": (
        "https://github.com",
        "https://github.com/acme/shop/pull/7",
        "https://api.github.com/repos/acme/shop/issues/7/comments",
        {"authorization": "Bearer secret", "accept": "application/vnd.github+json"},
    ),
    "GitHub Enterprise Server": (
        "https://git.acme.test",
        "https://git.acme.test/acme/shop/pull/7",
        "https://git.acme.test/api/v3/repos/acme/shop/issues/7/comments",
        {"authorization": "Bearer secret", "accept": "application/vnd.github+json"},
    ),
    "gitlab": (
        "https://gitlab.com",
        "https://gitlab.com/acme/shop/-/merge_requests/7",
        "https://gitlab.com/api/v4/projects/acme%2Fshop/merge_requests/7/notes",
        {"private-token": "secret"},
    ),
    "local": (
        "http://127.0.0.1:7081",
        "http://127.0.0.1:7081/acme/shop/merge_requests/7",
        "http://127.0.0.1:7081/api/v1/repos/acme/shop/merge_requests/7/comments",
        {"authorization": "Bearer secret"},
    ),
}


def rollout(app: str, url: str) -> Rollout:
    return Rollout(
        application="shop",
        headline="",
        done=False,
        digest="d" * 64,
        app=app,
        problems=[],
        home=MergeRequest(number=7, url=url),
        waves=[],
        units=[],
    )


@pytest.mark.parametrize("name", CALLS)
def test_each_forge_takes_a_comment_in_its_own_way(name: str) -> None:
    forge, page, url, headers = CALLS[name]
    app = f"{'github' if name.startswith('GitHub') else name}:acme/shop"

    call = comment_call(rollout(app, page), forge, "secret", "/switchyard approve")

    assert call == Call("POST", url, headers, {"body": "/switchyard approve"})


@pytest.mark.parametrize(
    ("app", "page"),
    [
        ("github:acme/shop", "https://github.com.evil.test/acme/shop/pull/7"),
        ("github:acme/shop", "https://evil.test/https://github.com/acme/shop/pull/7"),
        ("github:acme/shop", "http://github.com/acme/shop/pull/7"),
        ("github:../user", "https://github.com/acme/shop/pull/7"),
        ("github:acme/./shop", "https://github.com/acme/shop/pull/7"),
        ("github:acme", "https://github.com/acme/shop/pull/7"),
        ("github:acme/shop?x=", "https://github.com/acme/shop/pull/7"),
        ("gitea:acme/shop", "https://github.com/acme/shop/pull/7"),
    ],
)
def test_the_token_goes_nowhere_else_whatever_the_service_says(app: str, page: str) -> None:
    with pytest.raises(InputError):
        comment_call(rollout(app, page), "https://github.com", "secret", "/switchyard approve")


@pytest.mark.parametrize("url", ["http://git.acme.test/x", "ftp://localhost/x", "git.acme.test"])
def test_a_token_is_not_sent_without_tls_but_to_this_machine(url: str) -> None:
    with pytest.raises(InputError, match=r"without TLS|is no address"):
        send(Call("GET", url, {"authorization": "Bearer secret"}))


@pytest.mark.parametrize(
    "url", ["https://ada:hidden@git.acme.test/x", "ada:hidden@git.acme.test", "ftp://a:hidden@b"]
)
def test_a_password_in_an_address_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(InputError) as refused:
        send(Call("GET", url, {}))
    assert "hidden" not in str(refused.value)


def test_without_a_token_of_the_forge_nothing_is_approved(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SWITCHYARD_FORGE_TOKEN", raising=False)

    assert main(["approve", "shop"]) == 1
    assert "SWITCHYARD_FORGE_TOKEN to a token of yours" in capsys.readouterr().err


def test_a_service_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SWITCHYARD_SERVICE_URL", "http://127.0.0.1:1")

    assert main(["status"]) == 1
    assert capsys.readouterr().err == (
        "http://127.0.0.1:1 does not answer: Connection refused; is it running, "
        "and is the address right?\n"
    )
