"""The order of a merged list: what the patch names in its order, the rest as it was.

Source: the Kubernetes design proposal "Preserve Order in Strategic Merge Patch", and kubectl where
the proposal is silent. Every step is linear but for sorting.
"""

from collections.abc import Iterable, Sequence

from planners.model import Json
from renderers.kubernetes.patch_meta import Key


def in_order(
    merged: Iterable[tuple[Key, Json]], patch: Iterable[Key], server: Iterable[Key]
) -> list[Json]:
    """The items that `patch` names in its order, woven into the others in the server's order.

    An item of the others goes before the next named one when it stood before it on the server.
    """
    wanted, known = _ranks(patch), _ranks(server)
    items = list(merged)
    named = sorted((each for each in items if each[0] in wanted), key=lambda e: wanted[e[0]])
    rest = sorted(
        (each for each in items if each[0] not in wanted),
        key=lambda each: known.get(each[0], len(known)),
    )
    woven: list[Json] = []
    waiting = 0
    for key, item in named:
        here = known.get(key, -1)
        while waiting < len(rest) and known.get(rest[waiting][0], len(known)) < here:
            woven.append(rest[waiting][1])
            waiting += 1
        woven.append(item)
    return woven + [item for _, item in rest[waiting:]]


def server_order(
    old: Sequence[Key], deleted: set[Key], new: Iterable[Key], *, replaced: bool
) -> list[Key]:
    """The server's order as kubectl sees it under `$setElementOrder`.

    Added items stand where deleted ones stood last: the lists of the original implementation share
    memory. Kept, so that both agree.
    """
    kept = [key for key in old if key not in deleted]
    if replaced:
        return kept
    known = set(kept)
    added = [key for key in dict.fromkeys(new) if key not in known]
    return kept + added[: len(old) - len(kept)]


def is_within(keys: Iterable[Key], order: Iterable[Key]) -> bool:
    """Whether `order` names all the keys, in their order."""
    named = iter(order)
    return all(key in named for key in keys)


def _ranks(keys: Iterable[Key]) -> dict[Key, int]:
    """Key -> where it stands first."""
    found: dict[Key, int] = {}
    for number, key in enumerate(keys):
        found.setdefault(key, number)
    return found
