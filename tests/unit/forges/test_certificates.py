"""Forges whose certificates come from an authority of one's own, over TLS on loopback.

libgit2's authorities are the process's and cannot be taken back, so every test makes its own.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import main
from bot.app import make_context, make_forges
from bot.context import Context
from bot.engine import discovery
from bot.engine.propose import Draft, draft
from bot.forges import ForgeError, TransientForgeError
from bot.forges.github import GitHubForge
from bot.forges.github.manifest import ManifestFlow
from bot.forges.gitlab import GitLabForge
from bot.git import BranchUpdate, GitError, Signature, TransientGitError
from bot.sandbox.forge.server import ThreadedServer
from bot.settings import Settings
from bot.web.auth.oauth import AuthorizationCodeFlow
from planners.model import Repo
from planners.model.snapshot import Snapshot
from tests.conformance.grounds import NOW, REPO, SECRET, LocalGround, token_of
from tests.fakes.certificates import Authority, make_authority
from tests.fakes.github.server import start_github
from tests.fakes.gitlab.server import start_gitlab
from tests.fakes.oauth import CLIENT, CLIENT_SECRET

BOTH = ("github", "gitlab")
on_each = pytest.mark.parametrize("forge", BOTH)
KEYS = {"marker_key": "marker-key-of-the-tests", "report_key": "report-key-of-the-tests"}

FETCH = """
import sys
from pathlib import Path
from bot.forges import GitCredentials
from bot.git import Mirrors
from planners.model import Repo

folder, ca_file, url, token = sys.argv[1:]
mirror = Mirrors(Path(folder), ca_files=(Path(ca_file),)).of(Repo("gitlab", "fleet/deploy"))
mirror.fetch(url, GitCredentials("oauth2", token))
"""


class Site:
    """A GitHub and a GitLab over TLS, each with a certificate of an authority of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.ground = folder, LocalGround(folder / "forge")
        self.head = self.ground.push("main", {"a.txt": b"one\n"})
        self.authorities = {name: make_authority(folder / name) for name in BOTH}
        self.servers: list[ThreadedServer] = []
        self.known: dict[str, Any] = {
            "fleet": f"github:{REPO}",
            "github_app_id": "7",
            "github_webhook_secrets": [SECRET.decode()],
            "gitlab_token": token_of("switchyard"),
            "gitlab_webhook_secrets": [SECRET.decode()],
            **KEYS,
        }
        for name in BOTH:
            self.serve(name, self.authorities[name])

    def serve(self, name: str, authority: Authority) -> None:
        forge, certificate = self.ground.made.forge, authority.certificate
        if name == "github":
            _, server, key = start_github(
                forge, "switchyard", lambda: NOW, token_of, certificate=certificate
            )
            self.known["github_private_key"] = key
        else:
            _, server = start_gitlab(forge, lambda: NOW, certificate=certificate)
        self.servers.append(server)
        self.known[f"{name}_url"] = server.url

    def settings(self, **ca_files: Path) -> Settings:
        return Settings(data_dir=self.folder / "bot", **self.known, **ca_files)

    @asynccontextmanager
    async def context(self, **ca_files: Path) -> AsyncIterator[Context]:
        """The service as it starts with these settings."""

        async def drafter(planned: Snapshot) -> Draft:
            return draft(planned)

        settings = self.settings(**ca_files)
        forges = make_forges(settings, lambda: NOW)
        made = make_context(settings, forges, drafter, lambda: NOW)
        yield made
        made.store.close()
        github, gitlab = made.forges["github"], made.forges["gitlab"]
        assert isinstance(github, GitHubForge)
        assert isinstance(gitlab, GitLabForge)
        await github._http.client.aclose()
        gitlab._http.client.session.close()

    def ca_files(self, *names: str) -> dict[str, Path]:
        return {f"{name}_ca_file": self.authorities[name].ca_file for name in names}

    def stop(self) -> None:
        for server in self.servers:
            server.stop()
        self.ground.stop()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.stop()


async def clone(context: Context, forge: str) -> str | None:
    """Fetch as the bot does; the head of main."""
    known = context.forges[forge]
    info, credentials = await known.repository(REPO), await known.git_credentials(REPO)
    assert info.clone_url.startswith("https://")
    mirror = context.mirrors.of(Repo(forge, REPO))
    await asyncio.to_thread(mirror.fetch, info.clone_url, credentials)
    return mirror.head("main")


@on_each
async def test_api_clone_and_push_work_with_the_ca(site: Site, forge: str) -> None:
    async with site.context(**site.ca_files(*BOTH)) as context:
        assert await clone(context, forge) == site.head
        mirror, known = context.mirrors.of(Repo(forge, REPO)), context.forges[forge]
        url = (await known.repository(REPO)).clone_url
        new = mirror.commit(
            site.head,
            {"b.txt": b"two\n"},
            message="Add b",
            author=Signature("Switchyard", "switchyard@example.com"),
            at=NOW,
        )
        credentials = await known.git_credentials(REPO)

        pushed = await asyncio.to_thread(
            mirror.push, url, credentials, {"wave": BranchUpdate(new, None)}
        )

        assert pushed == {"wave": None}
        assert site.ground.made.forge.git.head(REPO, "wave") == new


@on_each
async def test_the_api_without_the_ca_fails_and_names_the_setting(site: Site, forge: str) -> None:
    other = BOTH[forge == "github"]
    async with site.context(**site.ca_files(other)) as context:
        with pytest.raises(ForgeError) as refused:
            await context.forges[forge].repository(REPO)

        assert not isinstance(refused.value, TransientForgeError)
        assert "certificate is not trusted (unable to get local issuer cert" in str(refused.value)
        assert str(refused.value).endswith(f"set SWITCHYARD_{forge.upper()}_CA_FILE")


@on_each
async def test_git_without_the_ca_fails_and_names_the_setting(site: Site, forge: str) -> None:
    async with site.context() as context:
        mirror, url = context.mirrors.of(Repo(forge, REPO)), site.known[f"{forge}_url"]
        credentials = None

        for call in (
            mirror.fetch,
            lambda *_: mirror.push(*_, {"wave": BranchUpdate(None, site.head)}),
        ):
            with pytest.raises(GitError, match="its certificate is not trusted") as refused:
                await asyncio.to_thread(call, f"{url}/{REPO}.git", credentials)

            assert not isinstance(refused.value, TransientGitError)
            assert f"SWITCHYARD_{forge.upper()}_CA_FILE" in str(refused.value)


@on_each
async def test_a_certificate_of_another_host_is_rejected_even_with_the_ca(
    site: Site, forge: str
) -> None:
    foreign = make_authority(site.folder / "foreign", "127.0.0.2")
    site.authorities[forge] = foreign
    site.serve(forge, foreign)

    async with site.context(**site.ca_files(forge)) as context:
        with pytest.raises(ForgeError, match=r"certificate is not valid for '127\.0\.0\.1'"):
            await context.forges[forge].repository(REPO)
        mirror, url = context.mirrors.of(Repo(forge, REPO)), f"{site.known[f'{forge}_url']}/a/b.git"
        with pytest.raises(GitError, match="its certificate is not trusted"):
            await asyncio.to_thread(mirror.fetch, url, None)


async def test_the_set_up_page_trusts_the_same_ca(site: Site) -> None:
    finish = ManifestFlow().finish

    with pytest.raises(ForgeError, match="GitHub's certificate is not trusted"):
        await finish(site.settings(), "no-code")
    with pytest.raises(ForgeError, match="GitHub responded 404 to the code"):
        await finish(site.settings(**site.ca_files("github")), "no-code")


@on_each
async def test_sign_in_trusts_the_same_ca(site: Site, forge: str) -> None:
    client = {f"{forge}_client_id": CLIENT, f"{forge}_client_secret": CLIENT_SECRET}
    trusted = site.ca_files(forge)
    for ca_files, why in (({}, "certificate is not trusted"), (trusted, "rejected the sign-in")):
        way = discovery.forges()[forge].sign_in(site.settings(**client, **ca_files))
        assert way is not None
        with pytest.raises(ForgeError, match=why):
            await AuthorizationCodeFlow(way, "https://switchyard.test/done", "verifier").account(
                "no-code"
            )


async def test_github_also_trusts_the_systems_cas(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(site.authorities["github"].ca_file))
    own = make_authority(tmp_path / "own")

    async with site.context(github_ca_file=own.ca_file) as context:
        assert (await context.forges["github"].repository(REPO)).path == REPO


def test_git_also_trusts_the_systems_cas(site: Site, tmp_path: Path) -> None:
    own = make_authority(tmp_path / "own").ca_file
    arguments = [tmp_path / "alone", own, f"{site.known['gitlab_url']}/{REPO}.git"]
    system = {"SSL_CERT_FILE": str(site.authorities["gitlab"].ca_file)}

    subprocess.run(
        [sys.executable, "-c", FETCH, *arguments, token_of("switchyard")],
        env={**os.environ, **system},
        cwd=Path(__file__).parents[3],
        check=True,
    )


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "No such file or directory"),
        (b"", "no certificate or crl found"),
        (b"-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n", "X509"),
    ],
    ids=["missing", "empty", "damaged"],
)
@on_each
def test_an_unreadable_ca_file_stops_the_start(
    *,
    forge: str,
    content: bytes | None,
    why: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    for name, value in {**KEYS, "fleet": f"{forge}:{REPO}", f"{forge}_ca_file": str(file)}.items():
        monkeypatch.setenv(f"SWITCHYARD_{name.upper()}", value)

    assert main(["serve"]) == 1

    said = capsys.readouterr().err
    assert f"SWITCHYARD_{forge.upper()}_CA_FILE: " in said
    assert f"{file} cannot be read as PEM certificates: " in said
    assert why in said
