"""The ledger: what every unit of every application requests, merged or proposed.

Read from the deploy repos' own files, so that it holds after any loss of the database. A workload's
file is read once for each content, whichever clusters have it.
"""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from bot.gather.repository import Checkout, fetch
from bot.shell import Shell
from planners.model import Fleet, Registration, Unit
from planners.proposals import PREFIX
from planners.snapshot import Claim, MergeRequestState
from renderers import workloads, yamlio
from renderers.layout import Layout
from renderers.tree import FileTree

MARKER = "wave"
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
MOST_REMEMBERED = 100_000

Requests = Mapping[str, int]


async def read_claims(shell: Shell, fleet: Fleet, timed: frozenset[str]) -> tuple[Claim, ...]:
    """Claims of all registered applications, merged ones first.

    The time of merging is read for units on the clusters in `timed` alone, those that report what
    is free; elsewhere it does not matter and is long ago.
    """
    claims: list[Claim] = []
    for repo in sorted({each.deploy for each in fleet.registrations}):
        checkout = await fetch(shell, repo)
        mine = [each for each in fleet.registrations if each.deploy == repo]
        merged = await asyncio.to_thread(_merged, shell, checkout, mine, timed)
        claims += merged
        claims += await _proposed(shell, checkout, mine, merged)
    return tuple(claims)


def _merged(
    shell: Shell, checkout: Checkout, registrations: Iterable[Registration], timed: frozenset[str]
) -> list[Claim]:
    mirror, sha = checkout.mirror, checkout.head
    clusters = mirror.folders(sha, "clusters")
    claims = []
    for registration in registrations:
        layout = Layout.of(registration)
        prefixes = tuple(layout.application_folder(cluster) for cluster in clusters)
        units: dict[Unit, dict[str, int]] = {}
        for path, blob in mirror.entries(sha, prefixes).items():
            unit = layout.unit_of(path)
            if unit is not None:
                _add(units.setdefault(unit, {}), _requests(shell, checkout, path, blob))
        folders = {u: (layout.objects_folder(u),) for u in units if u.cluster in timed}
        times = {unit: info.at for unit, info in mirror.last_changes(sha, folders).items()}
        claims += [
            Claim(
                registration.application,
                unit,
                requests,
                times.get(unit, LONG_AGO),
                priority=registration.priority,
                tenant=registration.tenant,
            )
            for unit, requests in sorted(units.items())
        ]
    return claims


async def _proposed(
    shell: Shell,
    checkout: Checkout,
    registrations: Iterable[Registration],
    merged: Iterable[Claim],
) -> list[Claim]:
    """What open merge requests would request beyond what is merged."""
    forge = shell.forge(checkout.repo)
    me = await forge.me()
    known = {each.application: each for each in registrations}
    now = {(each.application, each.unit): each.requests for each in merged}
    claims = []
    for request in await forge.merge_requests(
        checkout.repo.path, state=MergeRequestState.OPEN.value, branch_prefix=f"{PREFIX}/"
    ):
        marker = shell.markers.read(MARKER, checkout.repo, request.body)
        registration = known.get(request.source_branch.split("/")[1]) if marker else None
        if registration is None or request.author.id != me.id:
            continue
        units = await asyncio.to_thread(
            _branch, shell, checkout, Layout.of(registration), request.source_branch
        )
        for unit, requests in sorted(units.items()):
            old = now.get((registration.application, unit), {})
            more = {name: max(0, each - old.get(name, 0)) for name, each in requests.items()}
            claims.append(
                Claim(
                    registration.application,
                    unit,
                    more,
                    None,
                    request.number,
                    registration.priority,
                    registration.tenant,
                )
            )
    return claims


def _branch(shell: Shell, checkout: Checkout, layout: Layout, name: str) -> dict[Unit, Requests]:
    """What the units on a branch request, as far as it writes their workloads."""
    mirror = checkout.mirror
    head = mirror.head(name)
    info = mirror.commit_info(head) if head is not None else None
    if head is None or info is None or len(info.parents) != 1:
        return {}
    units: dict[Unit, dict[str, int]] = {}
    for path, _, new in mirror.changed_files(info.parents[0], head):
        unit = layout.unit_of(path)
        if unit is not None and new is not None:
            _add(units.setdefault(unit, {}), _requests(shell, checkout, path, new))
    return dict(units)


def _requests(shell: Shell, checkout: Checkout, path: str, blob: str) -> Requests:
    """What the object in a file requests; nothing where it cannot be read, or is no workload."""
    file = path.rpartition("/")[2]
    if not file.startswith(workloads.FILE_PREFIXES):
        return {}
    if blob not in shell.requests:
        if len(shell.requests) >= MOST_REMEMBERED:
            shell.requests.clear()
        shell.requests[blob] = requests_of({file: checkout.mirror.blob(blob)})
    return shell.requests[blob]


def requests_of(files: FileTree) -> Requests:
    """What the objects in some files request, in nano-units by resource."""
    total: dict[str, int] = {}
    for name in sorted(files):
        if name.rpartition("/")[2].startswith(workloads.FILE_PREFIXES):
            try:
                for document in yamlio.load_documents(files[name]):
                    if isinstance(document.value, dict):
                        _add(total, workloads.requests(document.value))
            except (yamlio.YamlError, ValueError):
                continue  # somebody else's file: what it requests cannot be known
    return total


def _add(total: dict[str, int], more: Requests) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, 0) + amount
