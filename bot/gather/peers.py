"""Applications that connectivity intents name: what they declare, and what is merged of them."""

import asyncio
from collections.abc import Mapping
from itertools import compress

from bot.context import Context
from bot.documents import APPLICATION_FILE, read_connectivity
from bot.forges import ForgeError, TransientForgeError
from bot.gather.deploy import FILE, units_at
from bot.gather.errors import EmptyRepositoryError
from bot.gather.repository import Checkout, fetch, last_known, read_hints
from bot.gather.upstream import depended_on
from bot.git import GitError, TransientGitError
from planners.connect import named_applications
from planners.model import Application, Fleet, Json, Registration, Unit
from planners.model.connectivity import ConnectivityIntent
from planners.model.snapshot import PeerApplication
from renderers import yaml
from renderers.kubernetes.pod_templates import pod_templates
from renderers.layout import is_object

Objects = Mapping[Unit, tuple[Mapping[str, Json], ...]]


def others_read(application: Application) -> tuple[str, ...]:
    """The other applications whose state counts for its plan or its gates."""
    return tuple(sorted({*depended_on(application), *named_applications(application)}))


async def read_peers(
    context: Context, fleet: Fleet, application: Application
) -> dict[str, PeerApplication]:
    """Every application that its intents name and that the fleet registers.

    Raises:
        TransientForgeError, TransientGitError: a repository cannot be read now.
    """
    named = named_applications(application)
    hints = await read_hints(context) if named else {}
    found: dict[str, PeerApplication] = {}
    for name in named:
        registration = fleet.registration(name)
        tenant = fleet.tenant(registration.tenant) if registration else None
        if registration is None or tenant is None:
            continue
        found[name] = PeerApplication(
            tenant=tenant.name,
            namespace=tenant.namespace,
            connectivity=await _declared(context, registration),
            objects=await _merged(context, registration, _components(application, name), hints),
        )
    return found


def _components(application: Application, name: str) -> frozenset[str]:
    """The components of another application that the intents name."""
    intents = application.connectivity
    callers = {each.caller.component for each in intents if each.caller.application == name}
    callees = {each.callee.component for each in intents if each.callee.application == name}
    return frozenset(callers | callees)


async def _declared(
    context: Context, registration: Registration
) -> tuple[ConnectivityIntent, ...] | None:
    """What the default branch of its app repo declares; None if that cannot be read."""
    try:
        checkout = await fetch(context, registration.app)
    except (TransientForgeError, TransientGitError):
        raise
    except (EmptyRepositoryError, ForgeError, GitError):
        return None

    file = f"{registration.path}/{APPLICATION_FILE}".lstrip("/")

    def read() -> tuple[ConnectivityIntent, ...] | None:
        blob = checkout.mirror.entries(checkout.head, (file,)).get(file)
        return read_connectivity(checkout.mirror.blob(blob)) if blob else None

    return await asyncio.to_thread(read)


async def _merged(
    context: Context,
    registration: Registration,
    components: frozenset[str],
    hints: Mapping[str, str],
) -> Objects:
    """The merged workloads and Services of some components."""
    deploy = registration.deploy
    try:
        checkout = await last_known(context, deploy, hints.get(str(deploy), ""))
    except (TransientForgeError, TransientGitError):
        raise
    except (EmptyRepositoryError, ForgeError, GitError):
        return {}
    key = "peer objects", deploy, checkout.head, registration, components
    return await asyncio.to_thread(
        context.results.get,
        key,
        lambda: _objects(checkout, registration, components),
        lambda found: FILE * len(found),
    )


def _objects(checkout: Checkout, registration: Registration, components: frozenset[str]) -> Objects:
    """Of each unit; units with equal files share one value."""
    known: dict[tuple[str, ...], tuple[Mapping[str, Json], ...]] = {}
    found: dict[Unit, tuple[Mapping[str, Json], ...]] = {}
    entries = units_at(checkout, registration, checkout.head)
    for unit in sorted(each for each in entries if each.component in components):
        files = entries[unit]
        blobs = tuple(compress(files.blobs, map(is_object, files.names)))
        if blobs not in known:
            items = (item for blob in blobs for item in _parsed(checkout.mirror.blob(blob)))
            known[blobs] = tuple(item for item in items if _counts(item))
        found[unit] = known[blobs]
    return found


def _parsed(content: bytes) -> tuple[Mapping[str, Json], ...]:
    """The objects in a file; none if somebody else wrote what is no YAML."""
    try:
        documents = yaml.load_documents(content)
    except yaml.YamlError:
        return ()
    return tuple(each.value for each in documents if isinstance(each.value, dict))


def _counts(item: Mapping[str, Json]) -> bool:
    is_service = (item.get("apiVersion"), item.get("kind")) == ("v1", "Service")
    return is_service or any(pod_templates(item))
