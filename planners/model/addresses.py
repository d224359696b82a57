"""Addresses of Services that are known only at run time, and waits for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple, TypeAlias

from planners.model.basics import Unit

_USUAL = ip_network("2000::/3"), ip_network("fc00::/7")
"""The IPv6 networks that have addresses of hosts: global ones, and those of one site."""


class ServicePlace(NamedTuple):
    """A Service of a cluster."""

    cluster: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"Service {self.namespace}/{self.name}"


ServiceAddresses: TypeAlias = Mapping[ServicePlace, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class RefusedAddress:
    """A reported address that does not count: a host name, or one of the pods of a cluster."""

    address: str
    pods_of: str = ""


@dataclass(frozen=True, slots=True)
class AwaitedAddress:
    """An address that `clusters` have not reported of their Service, or one that does not count."""

    clusters: tuple[str, ...]
    service: str
    refused: RefusedAddress | None = None


Awaited: TypeAlias = Mapping[Unit, tuple[AwaitedAddress, ...]]


def host_address(text: str) -> IPv4Address | IPv6Address | None:
    """An address at which a host can be, in its usual form; else None.

    Source: Kubernetes, `ValidateEndpointIP` (pkg/apis/core/validation): endpoints are neither
    unspecified, loopback nor link-local addresses. Nor are they multicast or reserved ones, or
    IPv4 addresses in the form of IPv6, which would be any of these in disguise.
    """
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if str(found) != text:
        return None
    if isinstance(found, IPv6Address):
        return found if any(found in network for network in _USUAL) else None
    special = found.is_loopback or found.is_link_local or found.is_multicast or found.is_reserved
    return None if special or found.packed[0] == 0 else found
