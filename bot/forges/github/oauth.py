"""Sign-in with GitHub by the App, which needs no permission for it.

Source: GitHub Docs, "Generating a user access token for a GitHub App" (web application flow).
"""

from dataclasses import dataclass

from pydantic import SecretStr

from bot.forges import SignIn
from bot.forges.github.http import api_of
from bot.forges.github.manifest import App
from bot.settings import Settings


def sign_in(settings: Settings) -> SignIn | None:
    """Sign-in by the configured App, or else by the App of the set-up page."""
    client = _client(settings)
    if client is None:
        return None
    web = str(settings.github_url).rstrip("/")
    return SignIn(
        title="GitHub",
        authorize=f"{web}/login/oauth/authorize",
        token=f"{web}/login/oauth/access_token",
        user=f"{api_of(web)}/user",
        login="login",
        client_id=client.client_id,
        client_secret=client.secret,
        ca_file=settings.github_ca_file,
    )


@dataclass(frozen=True, slots=True)
class _Client:
    """The OAuth client of an App."""

    client_id: str
    secret: SecretStr


def _client(settings: Settings) -> _Client | None:
    if settings.github_client_secret is not None:
        return _Client(settings.github_client_id, settings.github_client_secret)
    app = App.read(settings.data_dir)
    if app is None or not app.client_id:
        return None
    return _Client(app.client_id, SecretStr(app.client_secret))
