"""Who an authenticating proxy says that they are; nobody else may say it."""

import ipaddress

from fastapi import Request

from bot.settings import Settings

FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
LONGEST = 200


def named_by(settings: Settings, request: Request) -> str:
    """The user that a trusted proxy names once; empty for every other request."""
    given = (
        request.headers.getlist(settings.proxy_user_header) if _trusted(settings, request) else []
    )
    name = given[0].strip() if len(given) == 1 else ""
    return name if len(name) <= LONGEST and name.isprintable() else ""


def forwarded(request: Request) -> bool:
    """Whether a proxy passed this on for somebody."""
    return any(name in request.headers for name in FORWARDED)


def _trusted(settings: Settings, request: Request) -> bool:
    """Whether the other end of the connection is a trusted proxy."""
    if not settings.proxy_user_header or request.client is None:
        return False
    try:
        peer = ipaddress.ip_address(request.client.host)
    except ValueError:
        return False
    peer = getattr(peer, "ipv4_mapped", None) or peer
    return any(peer in network for network in settings.trusted_proxies)
