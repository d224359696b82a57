"""Sign-in with GitLab.

Source: GitLab Docs, "OAuth 2.0 identity provider API" (authorization code with PKCE).
"""

from bot.forges import SignIn
from bot.settings import Settings


def sign_in(settings: Settings) -> SignIn | None:
    """Sign-in by the configured OAuth application."""
    if settings.gitlab_client_secret is None:
        return None
    web = str(settings.gitlab_url).rstrip("/")
    return SignIn(
        title="GitLab",
        authorize=f"{web}/oauth/authorize",
        token=f"{web}/oauth/token",
        user=f"{web}/api/v4/user",
        login="username",
        client_id=settings.gitlab_client_id,
        client_secret=settings.gitlab_client_secret,
        scope="read_user",
        ca_file=settings.gitlab_ca_file,
    )
