"""Host patterns of tenants: which names a pattern covers, and whether two overlap."""


def covers(pattern: str, host: str) -> bool:
    """Whether a pattern covers a host or every name of a wildcard host.

    `shop.example.com` covers itself, `*.example.com` every name below example.com (at any depth,
    but not example.com itself), `*` every name. Names compare without case and final dot.
    """
    pattern, host = _plain(pattern), _plain(host)
    if pattern in {"*", host}:
        return True
    return pattern.startswith("*.") and host.endswith(pattern[1:]) and len(host) >= len(pattern)


def overlap(one: str, other: str) -> bool:
    """Whether some name is covered by both patterns."""
    return covers(one, other) or covers(other, one)


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")
