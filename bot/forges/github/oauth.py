"""How people sign in at GitHub: by the App, which asks no permission for it.

Source: GitHub Docs, "Generating a user access token for a GitHub App" (web application flow).
"""

from pydantic import SecretStr

from bot.forges import SignIn
from bot.forges.github.http import api_of
from bot.forges.github.manifest import App
from bot.settings import Settings


def sign_in(settings: Settings) -> SignIn | None:
    """By the App that the settings name, or else by that of the set-up page."""
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
        client_id=client[0],
        client_secret=client[1],
        ca_file=settings.github_ca_file,
    )


def _client(settings: Settings) -> tuple[str, SecretStr] | None:
    if settings.github_client_secret is not None:
        return settings.github_client_id, settings.github_client_secret
    app = App.read(settings.data_dir)
    if app is None or not app.client_id:
        return None
    return app.client_id, SecretStr(app.client_secret)
