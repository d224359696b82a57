"""The user that an authenticating proxy names in a header; the header of others is ignored."""

from fastapi import Request

from bot.settings import Settings
from bot.web.peers import is_trusted

FORWARDING_HEADERS = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
MAX_LENGTH = 200


def proxy_user(settings: Settings, request: Request) -> str:
    """The user if a trusted proxy names exactly one; empty for every other request."""
    if not _is_from_trusted_proxy(settings, request):
        return ""
    names = request.headers.getlist(settings.proxy_user_header)
    name = names[0].strip() if len(names) == 1 else ""
    return name if len(name) <= MAX_LENGTH and name.isprintable() else ""


def is_forwarded(request: Request) -> bool:
    """Whether a proxy forwarded the request."""
    return any(name in request.headers for name in FORWARDING_HEADERS)


def _is_from_trusted_proxy(settings: Settings, request: Request) -> bool:
    """Whether the peer of the connection is a trusted proxy."""
    if not settings.proxy_user_header or request.client is None:
        return False
    return is_trusted(request.client.host, settings.trusted_proxies)
