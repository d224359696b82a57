"""The local forge's pages, as a browser without script sees them."""

import re
from collections.abc import Iterator

import httpx
import pytest

from bot.forges._certificates import ssl_context
from tests.unit.sandbox.conftest import REPO, Stage

PAGE = f"/{REPO}/merge_requests"


@pytest.fixture
def browser(stage: Stage) -> Iterator[httpx.Client]:
    with httpx.Client(
        verify=ssl_context(), base_url=stage.server.url, follow_redirects=True
    ) as made:
        yield made


def sign_in(browser: httpx.Client, login: str) -> str:
    """Sign in; the token that forms carry."""
    page = browser.post("/sign-in", data={"login": login, "token": f"token-of-{login}"})
    assert page.status_code == 200
    found = re.search(r'name="form_token" value="([0-9a-f]+)"', page.text)
    assert found is not None
    return found[1]


def press(
    browser: httpx.Client, token: str, number: int, action: str, **fields: str
) -> httpx.Response:
    return browser.post(f"{PAGE}/{number}/{action}", data={"form_token": token, **fields})


def test_pages_require_sign_in(stage: Stage, browser: httpx.Client) -> None:
    stage.begin()
    for page in ("/", f"/{REPO}", PAGE, f"{PAGE}/1", f"/{REPO}/files/a.txt"):
        answer = browser.get(page)
        assert answer.url.path == "/sign-in"
        assert "The shop" not in answer.text
    assert browser.get("/static/forge.css").headers["content-type"].startswith("text/css")


def test_sign_in_redirects_only_within_the_site(stage: Stage, browser: httpx.Client) -> None:
    stage.begin()
    asked = browser.get(f"/{REPO}")
    assert f'name="back" value="/{REPO}"' in asked.text
    form = {"login": "ada", "token": "token-of-ada"}

    assert browser.post("/sign-in", data={**form, "back": f"/{REPO}"}).url.path == f"/{REPO}"
    for back in ("//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil"):
        answer = browser.post("/sign-in", data={**form, "back": back}, follow_redirects=False)
        assert answer.headers["location"] == "/"
    assert browser.post("/sign-in", data={**form, "token": "x"}).status_code == 403
    assert browser.post("/sign-in", data={"login": "ada"}).status_code == 403


def test_a_demo_user_signs_in_with_one_click(browser: httpx.Client) -> None:
    assert "<b>Rita</b>" in browser.get("/sign-in").text
    assert "Repositories" in browser.post("/sign-in", data={"login": "rita"}).text


def test_forms_of_other_sites_are_refused(stage: Stage, browser: httpx.Client) -> None:
    stage.begin()
    number = stage.propose()
    token = sign_in(browser, "ada")

    assert press(browser, "0" * 64, number, "close").status_code == 403
    assert press(browser, "\xff", number, "close").status_code == 403
    assert browser.post(f"{PAGE}/{number}/close").status_code == 422
    foreign = {"Origin": "https://evil.example"}
    forged = {"form_token": token}
    answer = browser.post(f"{PAGE}/{number}/close", data=forged, headers=foreign)
    assert answer.status_code == 403
    form = {"login": "ada", "token": "token-of-ada"}
    assert browser.post("/sign-in", data=form, headers=foreign).status_code == 403
    browser.cookies.clear()
    assert press(browser, token, number, "close").status_code == 401
    assert stage.person("ada").request(REPO, number)["state"] == "open"


def test_a_forged_cookie_is_ignored(browser: httpx.Client) -> None:
    for value in ("ada", "ada.", "ada." + "0" * 64, ".", "nobody.x"):
        browser.cookies.set("localforge", value, domain="127.0.0.1")
        assert browser.get("/").url.path == "/sign-in"


def test_the_lifecycle_of_a_merge_request_with_buttons(stage: Stage, browser: httpx.Client) -> None:
    stage.begin()
    number = stage.propose()
    token = sign_in(browser, "otto")
    head = stage.person("ada").request(REPO, number)["head"]

    page = browser.get(f"{PAGE}/{number}").text
    assert "ci is required but not reported yet" in page
    assert '<button disabled aria-describedby="blockers">Merge</button>' in page
    assert "-one" in page
    assert "+two" in page

    assert "Withdraw approval" in press(browser, token, number, "approve", head=head).text
    assert "withdrew the approval" in press(browser, token, number, "unapprove").text
    assert "switchyard/hold" in press(browser, token, number, "hold").text
    assert "Release the hold" not in press(browser, token, number, "unhold").text
    said = press(browser, token, number, "comment", body="Line\r\n\r\n**bold**").text
    assert "<strong>bold</strong>" in said
    assert "Closed by Otto" in press(browser, token, number, "close").text
    assert 'class="badge open"' in press(browser, token, number, "reopen").text
    stage.report(number)
    merged = press(browser, token, number, "merge", head=head).text
    assert "Merged by Otto" in merged
    assert "Title of change" in browser.get(PAGE, params={"state": "merged"}).text


def test_an_approval_applies_to_the_head_on_the_page(stage: Stage, browser: httpx.Client) -> None:
    stage.begin()
    number = stage.propose()
    ada = stage.person("ada")
    token = sign_in(browser, "rita")
    seen = ada.request(REPO, number)["head"]
    ada.push(REPO, "change", {"a.txt": b"evil\n"}, "Unseen")

    answer = press(browser, token, number, "approve", head=seen)

    assert answer.status_code == 409
    assert "The branch has changed since you loaded the page" in answer.text
    assert press(browser, token, number, "merge", head=seen).status_code == 409


def test_buttons_require_the_role_of_their_action(stage: Stage, browser: httpx.Client) -> None:
    stage.begin()
    number = stage.propose()
    token = sign_in(browser, "reader")

    page = browser.get(f"{PAGE}/{number}").text

    assert not re.search(r">(Approve|Hold|Close)</button>", page)
    assert "merging requires role write" in page
    for action in ("approve", "hold", "close"):
        assert press(browser, token, number, action).status_code == 403
    assert press(browser, token, number, "dance").status_code == 404


def test_foreign_text_is_escaped(stage: Stage, browser: httpx.Client) -> None:
    stage.begin()
    evil = "<script>alert(1)</script>"
    ada = stage.person("ada")
    ada.push(REPO, "change", {"<b>x.txt": f"{evil}\n".encode(), "a.txt": b"\xff\n"}, evil)
    number = ada.open(REPO, "change", evil, f"{evil} <img src=x onerror=alert(1)>")
    stage.person("rita").label(REPO, number, evil, present=True)
    head = ada.request(REPO, number)["head"]
    status = {"context": evil, "state": "failure", "description": evil, "url": "https://x/?<b>"}
    stage.person("bot").call("POST", f"/repos/{REPO}/statuses/{head}", status)
    sign_in(browser, "rita")

    for page in (f"{PAGE}/{number}", PAGE, f"/{REPO}/commits/{head}", f"/{REPO}"):
        answer = browser.get(page)
        assert answer.status_code == 200
        assert "<script" not in answer.text
        assert "<img" not in answer.text
        assert "<b>x.txt" not in answer.text
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'self'")
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_files_and_folders_can_be_read(stage: Stage, browser: httpx.Client) -> None:
    stage.person("otto").push(
        REPO, "main", {"deploy/we b/a#1.yaml": b"kind: <x>\n", "bin": b"\0\1"}, "Begin"
    )
    sign_in(browser, "reader")

    assert f'href="/{REPO}/files/deploy"' in browser.get(f"/{REPO}").text
    folder = browser.get(f"/{REPO}/files/deploy/we%20b").text
    link = re.search(r'href="([^"]+a%231[^"]+)"', folder)
    assert link is not None
    assert "kind: &lt;x&gt;" in browser.get(link[1]).text
    assert "(binary)" in browser.get(f"/{REPO}/files/bin").text
    for path in (
        "nothing",
        "..%2f..%2fHEAD",
        "deploy/we%20b/a%231.yaml/x",
    ):
        assert browser.get(f"/{REPO}/files/{path}").status_code == 404
    assert browser.get(f"/{REPO}/commits/HEAD").status_code == 404


def test_a_large_diff_is_folded_and_says_what_is_missing(
    stage: Stage, browser: httpx.Client
) -> None:
    stage.begin()
    ada = stage.person("ada")
    files = {f"f{number:03}": b"x\n" for number in range(310)}
    ada.push(REPO, "change", {**files, "0long": b"x\n" * 500}, "Many")
    number = ada.open(REPO, "change", "Many")
    sign_in(browser, "ada")

    page = browser.get(f"{PAGE}/{number}").text

    assert "11 more files are not shown" in page
    assert page.count('<details class="file" open>') == 299
    assert page.count('<details class="file">') == 1


def test_errors_are_pages_for_people_and_json_for_programs(
    stage: Stage, browser: httpx.Client
) -> None:
    stage.begin()
    sign_in(browser, "ada")

    page = browser.get(f"{PAGE}/99")
    assert page.status_code == 404
    assert "Merge request 99 of shop/web does not exist." in page.text
    assert browser.get(f"{PAGE}/x").headers["content-type"].startswith("text/html")
    assert browser.get("/a/b/c/d").status_code == 404
    with stage.api("ada") as api:
        answer = api.get("/merge_requests/99")
    assert answer.json() == {"message": "merge request 99 of shop/web does not exist"}


def test_a_pushed_branch_is_proposed_on_a_page(stage: Stage, browser: httpx.Client) -> None:
    stage.begin()
    stage.person("ada").push(REPO, "change", {"a.txt": b"two\n"}, "Change")
    fields = {"form_token": sign_in(browser, "ada"), "branch": "change", "title": "Two"}
    assert 'name="branch"' in browser.get(PAGE).text

    made = browser.post(PAGE, data=fields)

    assert made.url.path == f"{PAGE}/1"
    assert browser.post(PAGE, data=fields).url.path == f"{PAGE}/1"
    assert browser.post(PAGE, data={**fields, "branch": "none"}).status_code == 422
    assert browser.post(PAGE, data={**fields, "form_token": "0"}).status_code == 403
