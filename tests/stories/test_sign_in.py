"""Signing in at a forge: who may read the fleet repo or every deploy repo sees the pages."""

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from bot.engine import discovery
from bot.sandbox.demo.site import DEPLOY, FLEET
from bot.settings import Settings
from bot.web.auth import Auth
from bot.web.server import create_app
from bot.worker.sweep import sweep
from tests.fakes.faults import Faults
from tests.fakes.oauth import CLIENT, CLIENT_SECRET, OAuth
from tests.fakes.world import REPORT_KEY, World, small_fleet

SERVICE = "https://switchyard.test"
SESSION = "__Host-switchyard-session"
HTML = {"accept": "text/html"}


def oauth(world: World) -> OAuth:
    found = getattr(world, world.places[FLEET]).oauth
    assert isinstance(found, OAuth)
    return found


@pytest.fixture
async def browser(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that keeps cookies and goes where it is sent, to the service or the forge."""
    world.found(small_fleet())
    await sweep(world.context)
    forge = world.places[FLEET]
    given = {f"{forge}_client_id": CLIENT, f"{forge}_client_secret": CLIENT_SECRET}
    settings = Settings(
        fleet=f"{forge}:{FLEET}",
        host="0.0.0.0",
        public_url=SERVICE,
        marker_key="m" * 16,
        report_key=REPORT_KEY,
        **world.known,
        **given,
    )
    object.__setattr__(world.context, "public_url", SERVICE)
    auth = Auth(settings, discovery.forges(), world.context)
    app = create_app(auth, discovery.agents(), (REPORT_KEY,), lambda: None)
    async with httpx.AsyncClient(
        base_url=SERVICE,
        mounts={SERVICE: httpx.ASGITransport(app)},
        trust_env=False,
        follow_redirects=True,
        headers=HTML,
    ) as made:
        yield made


async def sign_in(browser: httpx.AsyncClient, world: World, login: str) -> httpx.Response:
    oauth(world).visitor = login
    return await browser.get(f"/sign-in/{world.places[FLEET]}", params={"back": "/fleet"})


@pytest.mark.parametrize("world", ["github", "gitlab"], indirect=True)
async def test_who_may_read_the_fleet_repo_comes_in_and_goes(
    world: World, browser: httpx.AsyncClient
) -> None:
    way = await browser.get("/fleet?q=tier%3Dedge")
    assert (way.status_code, way.url.path) == (200, "/sign-in")
    link = re.search(r'class="button" href="([^"]+)">Sign in with (\w+)<', way.text)
    assert link
    assert link[2].casefold() == world.places[FLEET]

    page = await browser.get(link[1])
    assert (page.status_code, str(page.url)) == (200, f"{SERVICE}/fleet?q=tier%3Dedge")
    assert 'href="/sign-in">Account' in page.text
    assert "Signed in as <b>rita</b>" in (await browser.get("/sign-in")).text
    assert oauth(world).scopes == ["" if link[2] == "GitHub" else "read_user"]
    (kept,) = [each for each in browser.cookies.jar if each.name == SESSION]
    assert (kept.secure, kept.path, kept.domain_specified) == (True, "/", False)
    assert kept.has_nonstandard_attr("HttpOnly")
    assert kept._rest["SameSite"] == "lax"
    assert [each.name for each in browser.cookies.jar] == [SESSION]
    assert (await browser.get("/api/v1/clusters")).status_code == 200

    foreign = await browser.post("/sign-out", headers={"sec-fetch-site": "cross-site"})
    assert foreign.status_code == 403
    left = await browser.post("/sign-out", headers={"sec-fetch-site": "same-origin"})
    assert left.url.path == "/sign-in"
    assert (await browser.get("/api/v1/clusters")).status_code == 401


@pytest.mark.parametrize("world", ["github"], indirect=True)
async def test_what_the_forge_says_counts_for_minutes(
    world: World, browser: httpx.AsyncClient, faults: Faults
) -> None:
    repositories = world.site.made.forge.repositories
    assert (await sign_in(browser, world, "ada")).status_code == 200
    repositories[FLEET].roles = {"switchyard": "write", "rita": "write"}
    world.now += timedelta(minutes=5)
    assert (await browser.get("/fleet")).status_code == 200, "ada still reads every deploy repo"
    repositories[DEPLOY].roles = {"switchyard": "write"}
    assert (await browser.get("/fleet")).status_code == 200
    world.now += timedelta(minutes=5)
    refused = await browser.get("/fleet")
    assert refused.status_code == 403
    assert "ada has no access to these pages" in refused.text
    assert (await sign_in(browser, world, "ada")).status_code == 403

    assert (await sign_in(browser, world, "rita")).status_code == 200
    faults.add("GET", r"/collaborators/rita/permission", times=1000)
    world.now += timedelta(minutes=59)
    assert (await browser.get("/fleet")).status_code == 200
    world.now += timedelta(minutes=1)
    unknown = await browser.get("/fleet")
    assert unknown.status_code == 503
    assert "cannot be checked now" in unknown.text


@pytest.mark.parametrize("world", ["gitlab"], indirect=True)
async def test_only_the_browser_that_began_a_sign_in_ends_it(
    world: World, browser: httpx.AsyncClient
) -> None:
    begun = await browser.get("/sign-in/gitlab", follow_redirects=False)
    back = (await browser.get(begun.headers["location"], follow_redirects=False)).headers[
        "location"
    ]
    cookies = dict(browser.cookies)

    async def comes_back(address: str, cookies: dict[str, str]) -> httpx.Response:
        browser.cookies.clear()
        browser.cookies.update(cookies)
        return await browser.get(address)

    assert (await comes_back(back, {})).status_code == 403
    assert (await comes_back(re.sub("state=", "state=x", back), cookies)).status_code == 403
    assert (await comes_back(back.replace("/gitlab/", "/github/"), cookies)).status_code == 403
    assert (
        await comes_back(re.sub("state=[^&]*", "state=%C3%BC", back), cookies)
    ).status_code == 403
    wrong = await comes_back(re.sub("code=[^&]*", "code=0", back), cookies)
    assert (wrong.status_code, "invalid_grant" in wrong.text) == (502, True)
    world.now += timedelta(minutes=10)
    assert "Start again" in (await comes_back(back, cookies)).text
    world.now -= timedelta(minutes=1)
    assert (await comes_back(back, cookies)).url.path == "/"
    assert (await comes_back(back, cookies)).status_code == 502, "a code is good once"

    denied = await sign_in(browser, world, "")
    assert (denied.status_code, "access_denied" in denied.text) == (403, True)
    assert (await browser.get("/sign-in/nowhere")).status_code == 404


@pytest.mark.parametrize("world", ["gitlab"], indirect=True)
async def test_cookies_are_taken_as_they_were_given_and_while_they_last(
    world: World, browser: httpx.AsyncClient
) -> None:
    assert (await sign_in(browser, world, "rita")).status_code == 200
    good = browser.cookies[SESSION]
    encoded, _, signature = good.partition(".")

    async def code(value: str, path: str = "/api/v1/clusters") -> int:
        headers = {"cookie": f"{SESSION}={value}", "accept": "text/event-stream"}
        browser.cookies.clear()
        return (await browser.get(path, headers=headers)).status_code

    other = {"forge": "gitlab", "login": "otto", "until": "9999999999"}
    forged = urlsafe_b64encode(json.dumps(other).encode()).decode().rstrip("=")
    for value in ("", "x", ".", f"{forged}.{signature}", f"{encoded}.", f"{good}0", "9" * 5000):
        assert await code(value) == 401
    assert await code(good, "/rollouts/storefront/events") == 404, "past the door, nothing there"
    assert await code("x", "/rollouts/storefront/events") == 401
    world.now += timedelta(hours=12)
    assert await code(good) == 401


@pytest.mark.parametrize("world", ["github", "gitlab"], indirect=True)
async def test_a_session_is_of_the_account_not_of_the_login(
    world: World, browser: httpx.AsyncClient
) -> None:
    """Rita's login goes to somebody with access; her session does not gain it."""
    assert (await sign_in(browser, world, "rita")).status_code == 200
    world.rename("rita", "rita-moved")
    world.forge.create_user("rita", "token-of-another-rita")
    for path in (FLEET, DEPLOY):
        world.forge.repositories[path].roles |= {"rita": "admin", "rita-moved": "none"}
    world.now += timedelta(minutes=5)

    assert (await browser.get("/fleet")).status_code == 403


def shown_token(page: httpx.Response) -> str:
    found = re.search(r"<pre>(sy_[\w-]+)</pre>", page.text)
    assert found
    return found[1]


def revocations(page: httpx.Response) -> list[str]:
    return re.findall(r'action="(/tokens/[0-9a-f]{64}/revoke)"', page.text)


@pytest.mark.parametrize("world", ["github", "gitlab"], indirect=True)
async def test_a_token_reads_the_api_for_the_person_who_made_it(
    world: World, browser: httpx.AsyncClient
) -> None:
    assert (await browser.post("/tokens")).status_code == 401
    assert (await sign_in(browser, world, "rita")).status_code == 200
    foreign = await browser.post("/tokens", headers={"sec-fetch-site": "cross-site"})
    assert foreign.status_code == 403
    made = await browser.post("/tokens", headers={"sec-fetch-site": "same-origin"})
    token = shown_token(made)
    assert made.headers["cache-control"] == "no-store"
    account = await browser.get("/sign-in")
    assert token not in account.text
    assert len(revocations(account)) == 1
    stored = json.dumps(world.context.store.views.list("tokens/"), default=str)
    assert token.removeprefix("sy_") not in stored
    assert '"login": "rita"' in stored
    browser.cookies.clear()

    async def code(authorization: str, path: str = "/api/v1/clusters", method: str = "GET") -> int:
        headers = {"authorization": authorization.encode(), "accept": b"application/json"}
        return (await browser.request(method, path, headers=headers)).status_code

    assert await code(f"Bearer {token}") == 200
    assert await code(f"bearer {token}", "/api/v1/rollouts") == 200
    for path in ("/fleet", "/sign-in/../fleet", "/api/v1", "/setup/../rollouts/x"):
        assert await code(f"Bearer {token}", path) in {401, 404}, "it opens no page"
    assert await code(f"Bearer {token}", "/tokens", "POST") == 401
    for wrong in (
        "",
        token,
        "Basic " + token,
        f"Bearer {token}x",
        f"Bearer {token[:-1]}",
        f"Bearer sy_{'a' * 43}",
        f"Bearer {'ü' * 46}",
    ):
        assert await code(wrong) == 401
    answer = await browser.get(
        "/api/v1/clusters", headers={"authorization": "Bearer x", "accept": "application/json"}
    )
    assert f"Invalid or expired token. Create one at {SERVICE}/sign-in" in answer.text

    for path in (FLEET, DEPLOY):
        world.forge.repositories[path].roles |= {"rita": "none"}
    world.now += timedelta(minutes=5)
    assert await code(f"Bearer {token}") == 403, "who may read no more"
    for path in (FLEET, DEPLOY):
        world.forge.repositories[path].roles |= {"rita": "write"}
    world.now += timedelta(days=30)
    assert await code(f"Bearer {token}") == 401, "expired"


@pytest.mark.parametrize("world", ["gitlab"], indirect=True)
async def test_tokens_are_revoked_by_their_person_alone(
    world: World, browser: httpx.AsyncClient
) -> None:
    assert (await sign_in(browser, world, "ada")).status_code == 200
    token = shown_token(await browser.post("/tokens"))
    (way,) = revocations(await browser.get("/sign-in"))
    assert (await sign_in(browser, world, "rita")).status_code == 200
    assert revocations(await browser.get("/sign-in")) == []

    def headers() -> dict[str, str]:
        return {"authorization": f"Bearer {token}", "accept": "application/json"}

    await browser.post(way)
    assert (await browser.get("/api/v1/clusters", headers=headers())).status_code == 200
    assert (await sign_in(browser, world, "ada")).status_code == 200
    assert (await browser.post(way, headers={"sec-fetch-site": "cross-site"})).status_code == 403
    await browser.post(way)
    assert (await browser.get("/api/v1/clusters", headers=headers())).status_code == 401

    for _ in range(10):
        assert (await browser.post("/tokens")).status_code == 200
    full = await browser.post("/tokens")
    assert (full.status_code, "Revoke one" in full.text) == (409, True)
    world.now += timedelta(days=30)
    assert (await sign_in(browser, world, "ada")).status_code == 200
    assert (await browser.post("/tokens")).status_code == 200
    assert len(world.context.store.views.list("tokens/")) == 1, "expired ones are forgotten"
