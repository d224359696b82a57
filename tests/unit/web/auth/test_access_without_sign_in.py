"""Who comes in where nobody can sign in: from this machine, or named by a trusted proxy."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from bot.settings import Settings
from bot.web.auth import Auth
from bot.web.auth.routes import own_path
from tests.fakes.pages import Site

HEADER = "X-Forwarded-User"
PROXY = {"proxy_user_header": HEADER, "trusted_proxies": ["10.0.0.0/30", "::1"]}
PAGES = ("/", "/fleet", "/rollouts/x", "/rollouts/x/plan", "/rollouts/x/events", "/nowhere")
PROGRAMS = ("/api/v1/rollouts", "/api/v1/clusters", "/api/v1/openapi.json")


async def ask(
    site: Site, path: str = "/fleet", peer: str = "127.0.0.1", host: str = "127.0.0.1", **more: Any
) -> httpx.Response:
    """One request, from that peer, to that host."""
    transport = httpx.ASGITransport(site.app, client=(peer, 50_000))
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}:7080") as client:
        return await client.get(path, **more)


@pytest.fixture
def make(tmp_path: Path) -> Any:
    made: list[Site] = []

    def site(**settings: Any) -> Site:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Site(folder, **settings))
        return made[-1]

    yield site
    for each in made:
        each.context.store.close()


@pytest.mark.parametrize(
    ("host", "headers"),
    [
        ("switchyard.example.com", {}),
        ("127.0.0.1.example.com", {}),
        ("127.0.0.1", {"host": ""}),
        ("127.0.0.1", {"host": "[::1"}),
        ("127.0.0.1", {"host": "127.0.0.1@192.0.2.1"}),
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.1"}),
        ("127.0.0.1", {"Forwarded": "for=192.0.2.1"}),
        ("127.0.0.1", {HEADER: "rita", "X-Real-IP": "192.0.2.1"}),
    ],
)
async def test_without_sign_in_the_pages_are_for_this_machine(
    make: Any, host: str, headers: dict[str, str]
) -> None:
    site = make()
    for name in ("127.0.0.1", "localhost", "[::1]"):
        assert (await ask(site, host=name)).status_code == 200
        assert (await ask(site, headers={"host": name})).status_code == 200
    for path in (*PAGES, *PROGRAMS):
        refused = await ask(site, path, host=host, headers=headers)
        assert refused.status_code == 403
        assert "run-the-service.md" in refused.json()["detail"]
        assert "default-src 'self'" in refused.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/hooks/github", "/reports/flux/c1", "/facts/c1", "/status/c1"])
async def test_forges_and_clusters_come_with_a_key_and_need_no_sign_in(
    make: Any, path: str
) -> None:
    """What takes something from a program checks a signature of its own."""
    app = make(public_url="https://switchyard.example.com").app
    transport = httpx.ASGITransport(app, client=("192.0.2.1", 50_000))
    async with httpx.AsyncClient(transport=transport, base_url="https://public.test") as client:
        answer = await client.post(path, content=b"{}")
    assert answer.status_code in {401, 404, 503}, "503: the fleet has not been read"
    assert "run-the-service.md" not in answer.text


@pytest.mark.parametrize(
    ("public_url", "code"),
    [
        ("https://switchyard.example.com", 403),
        ("http://192.0.2.1:7080", 403),
        ("http://127.0.0.1.example.com", 403),
        ("http://localhost.example.com", 403),
        ("http://127.0.0.1:7081/", 200),
        ("http://127.3.2.1", 200),
        ("http://[::1]:7080", 200),
        ("http://LocalHost:7080", 200),
    ],
)
async def test_a_proxy_that_forwards_without_a_trace_opens_no_public_service(
    make: Any, public_url: str, code: int
) -> None:
    site = make(public_url=public_url)
    for path in ("/fleet", "/api/v1/rollouts"):
        answer = await ask(site, path)
        assert answer.status_code == code
        assert code == 200 or "SWITCHYARD_PUBLIC_URL" in answer.json()["detail"]


async def test_a_service_that_others_reach_shows_no_page_and_says_why(make: Any) -> None:
    with capture_logs() as told:
        site = make(host="0.0.0.0")
        Auth(Settings(**PROXY, **KEYS, host="0.0.0.0"), {}, site.context).warn_if_unreachable()
        Auth(Settings(**KEYS), {}, site.context).warn_if_unreachable()
        Auth(Settings(**KEYS, host="0.0.0.0"), {}, site.context).warn_if_unreachable()
        Auth(Settings(**KEYS, public_url="https://x.test"), {}, site.context).warn_if_unreachable()
    assert [each["event"] for each in told] == ["pages not reachable"] * 2

    for path in (*PAGES, *PROGRAMS):
        assert (await ask(site, path)).status_code == 403
    page = await ask(site, headers={"accept": "text/html"})
    assert "No sign-in is configured" in page.text
    for path, code in (("/healthz", 200), ("/static/switchyard.css", 200), ("/hooks/x", 405)):
        assert (await ask(site, path, peer="192.0.2.1", host="x.test")).status_code == code


KEYS = {"fleet": "local:fleet/fleet", "marker_key": "m" * 16, "report_key": "r" * 16}


@pytest.mark.parametrize("peer", ["10.0.0.2", "::1", "::ffff:10.0.0.2"])
async def test_whom_a_trusted_proxy_names_sees_the_pages(make: Any, peer: str) -> None:
    site = make(host="0.0.0.0", **PROXY)
    answer = await ask(site, peer=peer, host="x.test", headers={HEADER: "rita@example.com"})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        ("10.0.0.4", [(HEADER, "rita")]),
        ("127.0.0.1", [(HEADER, "rita")]),
        ("192.0.2.1", [(HEADER, "rita"), ("X-Forwarded-For", "10.0.0.2")]),
        ("not-an-address", [(HEADER, "rita")]),
        ("10.0.0.2", []),
        ("10.0.0.2", [(HEADER, "  ")]),
        ("10.0.0.2", [(HEADER, "rita"), (HEADER, "otto")]),
        ("10.0.0.2", [(HEADER, "r" * 201)]),
        ("10.0.0.2", [("X-Forwarded-Users", "rita")]),
    ],
)
async def test_nobody_else_can_say_who_they_are(
    make: Any, peer: str, headers: list[tuple[str, str]]
) -> None:
    site = make(**PROXY)
    for path in (*PAGES, *PROGRAMS):
        assert (await ask(site, path, peer=peer, headers=headers)).status_code == 401


@pytest.mark.parametrize(
    "wrong",
    [
        {"proxy_user_header": HEADER},
        {**PROXY, "trusted_proxies": ["0.0.0.0/0"]},
        {**PROXY, "trusted_proxies": ["proxy.example.com"]},
        {**PROXY, "proxy_user_header": "X User"},
        {"github_client_id": "x"},
        {"gitlab_client_secret": "s" * 20},
        {"gitlab_client_id": "x", "gitlab_client_secret": "short"},
    ],
)
def test_half_a_setting_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings(**KEYS, **wrong)


@pytest.mark.parametrize(
    ("back", "path"),
    [
        ("/fleet?q=a%2Fb", "/fleet?q=a%2Fb"),
        ("", "/"),
        ("//evil.test", "/"),
        ("/\\evil.test", "/"),
        ("https://evil.test", "/"),
        ("javascript:alert(1)", "/"),
        ("/\t/evil.test", "/"),
        ("/x\r\nSet-Cookie: a=b", "/"),
        ("/sign-in/github", "/"),
        ("/" + "x" * 1000, "/"),
    ],
)
def test_back_goes_to_a_path_of_this_service(back: str, path: str) -> None:
    assert own_path(back) == path
