"""Host patterns of tenants: which names and which other patterns a pattern covers."""


def covers(pattern: str, host: str) -> bool:
    """Whether a pattern covers a host or every name of a wildcard host.

    `shop.example.com` covers itself, `*.example.com` every name below example.com (at any depth,
    but not example.com itself), `*` every name. Names compare without case and final dot.
    """
    pattern, host = _plain(pattern), _plain(host)
    if pattern in {"*", host}:
        return True
    return pattern.startswith("*.") and host.endswith(pattern[1:]) and len(host) >= len(pattern)


def covering(pattern: str) -> tuple[str, ...]:
    """The other patterns that cover one: `*.example.com`, `*.com` and `*` for a.example.com."""
    labels = pattern.removeprefix("*.").split(".")
    parents = (f"*.{'.'.join(labels[start:])}" for start in range(1, len(labels)))
    return () if pattern == "*" else (*parents, "*")


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")
