"""The App Manifest flow: a browser sends the manifest, GitHub makes the App, its keys come back.

Sources: GitHub Docs, "Registering a GitHub App from a manifest" (form, state, conversion of a code
that is good for an hour and once).
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

HERE = Path(__file__).parents[2]
PLACES = (HERE / "app.yaml", HERE.parent / "app.yaml")
FILE = "github-app.json"
KEPT = ("id", "slug", "pem", "webhook_secret", "html_url", "client_id", "client_secret")
TIMEOUT = httpx.Timeout(20.0)


@dataclass(frozen=True, slots=True)
class App:
    """What GitHub gave the App; kept in a file that its owner alone can read.

    One that was made before people could sign in by it has no client id.
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
        """The App made by the set-up page, if one was."""
        try:
            found = json.loads((data_dir / FILE).read_text())
        except FileNotFoundError:
            return None
        return cls(*(str(found.get(name, "")) for name in KEPT))


class ManifestFlow:
    """The set-up page's questions to GitHub."""

    def installed_at(self, settings: Settings) -> str | None:
        """Where the App is installed on repositories, once there is one."""
        app = App.read(settings.data_dir)
        if app is not None:
            return f"{app.page}/installations/new"
        made = settings.github_app_id or settings.github_token
        return str(settings.github_url) if made else None

    def form(self, settings: Settings, state: str, owner: str) -> SetupForm:
        """The form that a browser sends to GitHub; `owner` is an organisation, or nobody."""
        web = str(settings.github_url).rstrip("/")
        whose = f"organizations/{quote(owner, safe='')}/settings" if owner else "settings"
        action = f"{web}/{whose}/apps/new?{urlencode({'state': state})}"
        return SetupForm(action, {"manifest": json.dumps(_manifest(settings))})

    async def finish(self, settings: Settings, code: str) -> None:
        """Turn the code into the App's keys and keep them.

        Raises:
            ForgeError: GitHub does not know the code (any more), or its certificate is not trusted.
            TransientForgeError: GitHub does not answer.
        """
        api = api_of(str(settings.github_url).rstrip("/"))
        url = f"{api}/app-manifests/{quote(code, safe='')}/conversions"
        verify = ssl_context(settings.github_ca_file)
        try:
            async with httpx.AsyncClient(verify=verify, trust_env=False, timeout=TIMEOUT) as client:
                answer = await client.post(url, headers={"accept": "application/vnd.github+json"})
        except httpx.HTTPError as error:
            silent = TransientForgeError(f"GitHub does not answer: {type(error).__name__}")
            raise certificate_error("GitHub", error) or silent from error
        if not answer.is_success:
            raise ForgeError(
                f"GitHub answered {answer.status_code} to the code: it is good once, and for an "
                f"hour; begin again"
            )
        _keep(settings.data_dir / FILE, answer.json())


def _manifest(settings: Settings) -> dict[str, Any]:
    """`app.yaml` with this service's addresses."""
    file = next(place for place in PLACES if place.is_file())
    (document,) = yaml.load_documents(file.read_bytes())
    public = str(settings.public_url).rstrip("/")
    assert isinstance(document.value, dict)
    return {
        **document.value,
        "url": public,
        "hook_attributes": {"url": f"{public}/hooks/github", "active": True},
        "redirect_url": f"{public}/setup/github/done",
        "callback_urls": [f"{public}/sign-in/github/done"],
    }


def _keep(file: Path, found: Mapping[str, Any]) -> None:
    """Write the keys beside the file, mode 600, then put them in its place."""
    text = json.dumps({name: found[name] for name in KEPT})
    beside = file.with_suffix(".new")
    beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(file)
