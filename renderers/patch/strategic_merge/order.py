"""The order of a merged list: patched items in patch order, the others in their old order.

Source: the Kubernetes design proposal "Preserve Order in Strategic Merge Patch", and kubectl where
the proposal leaves it open. Every step is linear apart from sorting.
"""

from collections.abc import Iterable, Sequence

from planners.model import Json
from renderers.kubernetes.patch_meta import Key


def in_order(
    merged: Iterable[tuple[Key, Json]], patch: Iterable[Key], server: Iterable[Key]
) -> list[Json]:
    """The items listed in `patch` in that order, interleaved with the others in server order.

    An unlisted item goes before the next listed one if it precedes it on the server.
    """
    listed_ranks, server_ranks = _ranks(patch), _ranks(server)
    items = list(merged)
    last = len(server_ranks)
    listed = sorted(
        (each for each in items if each[0] in listed_ranks), key=lambda each: listed_ranks[each[0]]
    )
    others = sorted(
        (each for each in items if each[0] not in listed_ranks),
        key=lambda each: server_ranks.get(each[0], last),
    )
    ordered: list[Json] = []
    taken = 0
    for key, item in listed:
        rank = server_ranks.get(key, -1)
        while taken < len(others) and server_ranks.get(others[taken][0], last) < rank:
            ordered.append(others[taken][1])
            taken += 1
        ordered.append(item)
    return ordered + [item for _, item in others[taken:]]


def server_order(
    old: Sequence[Key], deleted: set[Key], new: Iterable[Key], *, replaced: bool
) -> list[Key]:
    """The server's order as kubectl sees it under `$setElementOrder`.

    As many added items as were deleted count as the last items of the server's list: the lists of
    the original implementation share memory. Reproduced, so that both agree.
    """
    kept = [key for key in old if key not in deleted]
    if replaced:
        return kept
    known = set(kept)
    added = [key for key in dict.fromkeys(new) if key not in known]
    return kept + added[: len(old) - len(kept)]


def is_subsequence(keys: Iterable[Key], order: Iterable[Key]) -> bool:
    """Whether `order` contains all the keys, in the same order."""
    remaining = iter(order)
    return all(key in remaining for key in keys)


def _ranks(keys: Iterable[Key]) -> dict[Key, int]:
    """Key -> index of its first occurrence."""
    ranks: dict[Key, int] = {}
    for number, key in enumerate(keys):
        ranks.setdefault(key, number)
    return ranks
