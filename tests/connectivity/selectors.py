"""Label selectors and address ranges.

Sources: Kubernetes API reference, LabelSelector (matchLabels and matchExpressions are ANDed; an
empty selector matches everything; NotIn and DoesNotExist match where the key is absent) and
NetworkPolicy `ipBlock` (`except` takes ranges out of `cidr`).
"""

from collections.abc import Mapping
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

Json = Any


def selects(selector: Mapping[str, Json] | None, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector matches; none at all matches nothing."""
    if selector is None:
        return False
    wanted = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _expression(each, labels) for each in selector.get("matchExpressions") or []
    )


def _expression(each: Mapping[str, Json], labels: Mapping[str, str]) -> bool:
    key, values = each["key"], each.get("values") or []
    match each["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case other:
            raise ValueError(other)


def in_block(block: Mapping[str, Json], address: str) -> bool:
    """Whether an `ipBlock` or a Cilium `CIDRSet` entry holds the address."""
    return in_range(block["cidr"], address) and not any(
        in_range(each, address) for each in block.get("except") or []
    )


@cache
def _network(cidr: str) -> IPv4Network | IPv6Network:
    return ip_network(cidr, strict=False)


@cache
def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def in_range(cidr: str, address: str) -> bool:
    """Whether the range holds the address; a name is in no range."""
    found, network = _address(address), _network(cidr)
    return found is not None and found.version == network.version and found in network


def host_matches(pattern: str, host: str) -> bool:
    """Whether a host is a pattern: exact, `*`, or `*.suffix` (any number of labels in front).

    Istio, "Gateway" (`Server.hosts`), and Gateway API, `Hostname`.
    """
    if pattern in {"*", host}:
        return True
    return pattern.startswith("*.") and host.endswith(pattern[1:]) and host != pattern[2:]
