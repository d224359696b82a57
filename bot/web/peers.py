"""Who is at the other end: the peer of a connection, or the client that a trusted proxy names."""

import ipaddress
from collections.abc import Sequence
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

IPV6_PREFIX = 64


def is_trusted(host: str, proxies: Sequence[Network]) -> bool:
    """Whether the address is one of a trusted proxy; a Unix socket has no address and is none."""
    address = _address(host)
    return address is not None and any(address in network for network in proxies)


def peer_group(host: str) -> str:
    """What counts as one peer: an IPv4 address, or the /64 network of an IPv6 address."""
    address = _address(host)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False))
    return str(address or "")


def forwarded_client(host: str, forwarded: Sequence[str], proxies: Sequence[Network]) -> str:
    """The client that a trusted proxy forwards for; empty for other peers and without a valid one.

    `forwarded` are the values of `X-Forwarded-For`. The last address was added by the peer itself,
    the ones before it count only as long as those behind them are trusted.
    """
    if not is_trusted(host, proxies):
        return ""
    for entry in reversed(",".join(forwarded).split(",")):
        if not is_trusted(entry.strip(), proxies):
            return peer_group(entry.strip())
    return ""


def _address(host: str) -> Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
