"""The App Manifest flow: a browser submits the manifest, GitHub creates the App and its keys.

Source: GitHub Docs, "Registering a GitHub App from a manifest" (form, state, conversion of a code
that is valid once and for an hour).
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from bot.forges import ForgeError, SetupForm, TransientForgeError, certificate_error, ssl_context
from bot.forges.github.http import api_of
from bot.settings import Settings
from renderers import yaml

_PACKAGE = Path(__file__).parents[2]
MANIFEST_FILES = (_PACKAGE / "app.yaml", _PACKAGE.parent / "app.yaml")
FILE = "github-app.json"
STORED_FIELDS = ("id", "slug", "pem", "webhook_secret", "html_url", "client_id", "client_secret")
TIMEOUT = httpx.Timeout(20.0)


@dataclass(frozen=True, slots=True)
class App:
    """The App's id and keys, stored in a file that only its owner can read.

    `client_id` is empty for an App registered before sign-in was supported.
    """

    app_id: str
    slug: str
    private_key: str
    webhook_secret: str
    page: str
    client_id: str
    client_secret: str

    @classmethod
    def read(cls, data_dir: Path) -> "App | None":
        """The App registered on the set-up page, if there is one."""
        try:
            found = json.loads((data_dir / FILE).read_text())
        except FileNotFoundError:
            return None
        return cls(
            app_id=str(found.get("id", "")),
            slug=str(found.get("slug", "")),
            private_key=str(found.get("pem", "")),
            webhook_secret=str(found.get("webhook_secret", "")),
            page=str(found.get("html_url", "")),
            client_id=str(found.get("client_id", "")),
            client_secret=str(found.get("client_secret", "")),
        )


class ManifestFlow:
    """The registration of the App from the set-up page."""

    def installed_at(self, settings: Settings) -> str | None:
        """The page to install the App on repositories, once it is registered."""
        app = App.read(settings.data_dir)
        if app is not None:
            return f"{app.page}/installations/new"
        configured = settings.github_app_id or settings.github_token
        return str(settings.github_url) if configured else None

    def form(self, settings: Settings, state: str, owner: str) -> SetupForm:
        """The form that a browser submits to GitHub; `owner` is an organisation, or empty."""
        web = str(settings.github_url).rstrip("/")
        whose = f"organizations/{quote(owner, safe='')}/settings" if owner else "settings"
        action = f"{web}/{whose}/apps/new?{urlencode({'state': state})}"
        return SetupForm(action, {"manifest": json.dumps(_manifest(settings))})

    async def finish(self, settings: Settings, code: str) -> None:
        """Exchange the code for the App's keys, and store them.

        Raises:
            ForgeError: the code is invalid or expired, or GitHub's certificate is not trusted.
            TransientForgeError: GitHub is unreachable.
        """
        api = api_of(str(settings.github_url).rstrip("/"))
        url = f"{api}/app-manifests/{quote(code, safe='')}/conversions"
        verify = ssl_context(settings.github_ca_file)
        try:
            async with httpx.AsyncClient(verify=verify, trust_env=False, timeout=TIMEOUT) as client:
                response = await client.post(url, headers={"accept": "application/vnd.github+json"})
        except httpx.HTTPError as error:
            unreachable = TransientForgeError(f"GitHub is unreachable: {type(error).__name__}")
            raise certificate_error("GitHub", error) or unreachable from error
        if not response.is_success:
            raise ForgeError(
                f"GitHub responded {response.status_code} to the code, which is valid once and "
                f"for an hour: start the set-up again"
            )
        _store(settings.data_dir / FILE, response.json())


def read_manifest() -> dict[str, Any]:
    """`app.yaml`: what the App may do and which events it gets."""
    file = next(place for place in MANIFEST_FILES if place.is_file())
    (document,) = yaml.load_documents(file.read_bytes())
    assert isinstance(document.value, dict)
    return document.value


def _manifest(settings: Settings) -> dict[str, Any]:
    """`app.yaml` with the URLs of this service."""
    public = str(settings.public_url).rstrip("/")
    return {
        **read_manifest(),
        "url": public,
        "hook_attributes": {"url": f"{public}/hooks/github", "active": True},
        "redirect_url": f"{public}/setup/github/done",
        "callback_urls": [f"{public}/sign-in/github/done"],
    }


def _store(file: Path, found: Mapping[str, Any]) -> None:
    """Write the keys atomically, to a file with mode 600."""
    text = json.dumps({name: found[name] for name in STORED_FIELDS})
    temporary = file.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(file)
