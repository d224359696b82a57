"""Divides a number of replicas in proportion to weights (Webster, also Sainte-Lague).

A divisor method, so that no cluster loses a replica when the total grows. Each further replica goes
to the cluster with the highest quotient of its weight and twice its replicas plus one.
"""

from collections.abc import Mapping
from fractions import Fraction
from heapq import heapify, heappop, heappush
from zlib import crc32


def divide(
    total: int,
    weights: Mapping[str, int],
    scope: str,
    most: Mapping[str, int] | None = None,
    running: Mapping[str, int] | None = None,
) -> dict[str, int]:
    """The replicas of each name, up to `most`; none if all weights are 0.

    The division starts from what is `running`, so that only the difference moves; every name that
    may have a replica gets one, as far as the total reaches. Ties are resolved by a hash of the
    names, in which `scope` keeps one cluster from winning those of every application.
    """
    if not any(weights.values()):
        return dict.fromkeys(weights, 0)
    limits = {name: total if most is None else most[name] for name in weights}
    limits = {name: limit if weights[name] else 0 for name, limit in limits.items()}
    if running and any(running.values()):
        shares = {name: min(running[name], limit) for name, limit in limits.items()}
        if total >= sum(1 for limit in limits.values() if limit):
            shares = {name: max(count, min(1, limits[name])) for name, count in shares.items()}
        _withdraw(sum(shares.values()) - total, shares, weights, scope)
    else:
        shares = _sure_shares(total, weights, limits)
    _award(total - sum(shares.values()), shares, weights, limits, scope)
    return shares


def _sure_shares(
    total: int, weights: Mapping[str, int], limits: Mapping[str, int]
) -> dict[str, int]:
    """What each name gets of a total that is smaller by their number, without ties."""
    whole, smaller = sum(weights.values()), max(0, total - len(weights))
    return {
        name: min(limits[name], max(0, -((whole - 2 * weight * smaller) // (2 * whole))))
        for name, weight in weights.items()
    }


def _award(
    count: int,
    shares: dict[str, int],
    weights: Mapping[str, int],
    limits: Mapping[str, int],
    scope: str,
) -> None:
    """Add replicas one by one, where the quotient is highest."""
    heap = [
        (-Fraction(weights[name], 2 * shares[name] + 1), _hash(scope, name), name)
        for name in shares
        if shares[name] < limits[name]
    ]
    heapify(heap)
    for _ in range(count):
        if not heap:
            return
        _, tie, name = heappop(heap)
        shares[name] += 1
        if shares[name] < limits[name]:
            heappush(heap, (-Fraction(weights[name], 2 * shares[name] + 1), tie, name))


def _withdraw(count: int, shares: dict[str, int], weights: Mapping[str, int], scope: str) -> None:
    """Take replicas one by one, where the quotient of the last one is lowest; single ones last."""
    for _ in range(count):
        name = min(
            (each for each in shares if shares[each]),
            key=lambda each: (
                shares[each] == 1,
                Fraction(weights[each], 2 * shares[each] - 1),
                -_hash(scope, each),
                each,
            ),
        )
        shares[name] -= 1


def _hash(scope: str, name: str) -> int:
    return crc32(f"{scope}/{name}".encode())
