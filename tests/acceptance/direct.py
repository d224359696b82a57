"""Direct Kubernetes against a real API server: what the tests' fake claims, the real one does.

The bot's account has the rights that `bootstrap` gives it and no others; every object is applied as
the account of its tenant. kube-controller-manager and kwok do what follows.
"""

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml as plain_yaml

from bot.clusters import ClusterApi, ClusterError, Connection, Credentials
from bot.clusters.units import Outcome, apply_unit
from bot.clusters.watch import Changed, Follower
from bot.gather.clusters import read_objects
from bot.report.model import ROLLOUTS
from bot.sandbox.demo.site import APP, DEPLOY
from planners.model import AgentSettings, Readiness, Repo, Tenant
from plugins import Word
from plugins.kubernetes import OWN_ACCOUNT, SETUP_ACCOUNT, Kubernetes, KubernetesSettings
from renderers.agents import Account, ClusterTarget
from renderers.inventory import (
    NAMESPACE,
    UNIT_LABEL,
    ApplyState,
    ApplyUnit,
    Entry,
    inventory_name,
)
from renderers.tenant_setup import access_objects, tenant_objects
from tests.acceptance.cluster import Cluster, Item
from tests.acceptance.rollouts import ScenarioError
from tests.fakes.direct_fleet import TENANT_DOCUMENT, core_app, core_fleet, write_kubeconfig
from tests.fakes.world import World

TENANT = Tenant(
    "direct",
    "direct",
    allowed_kinds=("CustomResourceDefinition", "Widget.direct.example.com"),
)
OLD, NEW = "a" * 40, "b" * 40
SECONDS = 90
PAUSE = 0.5
USER = f"system:serviceaccount:{NAMESPACE}:"


def deployment(image: str = "registry.example.com/cart:1.0.0") -> Item:
    """A Deployment of two pods."""
    container: Item = {"name": "cart", "image": image}
    container["resources"] = {"requests": {"cpu": "10m", "memory": "16Mi"}}
    container["securityContext"] = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    labels = {"app": "cart"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    return _object("apps/v1", "Deployment", "cart", spec=spec)


def scaler_of(replicas: int) -> Item:
    """A HorizontalPodAutoscaler that wants so many pods, whatever the load is."""
    scaled = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "scaled"}
    spec = {"minReplicas": replicas, "maxReplicas": replicas, "scaleTargetRef": scaled}
    return _object("autoscaling/v2", "HorizontalPodAutoscaler", "scaled", spec=spec)


def failing_job() -> Item:
    """A Job whose image cannot be pulled, and which gives up after three seconds."""
    template = json.loads(json.dumps(deployment("registry.example.com/job:missing")))["spec"]
    pod = template["template"]["spec"] | {"restartPolicy": "Never"}
    spec = {"activeDeadlineSeconds": 3, "template": {"spec": pod}}
    return _object("batch/v1", "Job", "import", spec=spec)


DEFINITION: Item = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.direct.example.com"},
    "spec": {
        "group": "direct.example.com",
        "scope": "Namespaced",
        "names": {"kind": "Widget", "plural": "widgets", "listKind": "WidgetList"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                        },
                    }
                },
            }
        ],
    },
}


def _object(api_version: str, kind: str, name: str, **fields: Any) -> Item:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **fields}


def _config(name: str, **data: str) -> Item:
    return _object("v1", "ConfigMap", name, data=data)


def _escape(kind: str) -> Item:
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": "direct"}
    version = "rbac.authorization.k8s.io/v1"
    return _object(version, kind, "escape", roleRef=role, subjects=[subject])


@dataclass(frozen=True, slots=True)
class Direct:
    """A cluster as the bot sees it, and as its administrator does."""

    cluster: Cluster
    api: ClusterApi

    async def apply(
        self,
        *items: Item,
        component: str = "cart",
        revision: str = OLD,
        account: str = "switchyard-direct",
    ) -> Outcome:
        """Apply a component once."""
        unit = ApplyUnit("shop", component, revision, USER + account, "direct", "local:d/d", items)
        return await apply_unit(self.api, unit)

    async def applied(self, *items: Item, **how: str) -> None:
        """Apply a component until nothing is left to do."""

        async def once() -> bool:
            outcome = await self.apply(*items, **how)
            if outcome.state is ApplyState.STALLED:
                raise ScenarioError(outcome.message)
            return outcome == Outcome(ApplyState.APPLIED)

        await _until("the component is applied", once)

    async def refused(self, *items: Item, words: str, component: str = "refused") -> str:
        """Apply what must be refused, with these words; clears up."""
        outcome = await self.apply(*items, component=component)
        if outcome.state is not ApplyState.STALLED or words not in outcome.message:
            raise ScenarioError(f"expected {words!r}: {outcome}")
        await self.applied(component=component)
        return outcome.message

    async def word(self, component: str = "cart") -> Word:
        """What the cluster says about a component."""
        words = Kubernetes().words("c", await read_objects(self.api), datetime.now(UTC))
        return next(each for each in words if each.component == component)

    async def until(self, readiness: Readiness, component: str = "cart") -> str:
        """Wait for a readiness; returns the message."""

        async def there() -> bool:
            return (await self.word(component)).readiness is readiness

        await _until(f"{component} is {readiness}", there)
        return (await self.word(component)).message

    def exists(self, kind: str, name: str) -> bool:
        """Whether the administrator sees an object of the tenant."""
        return any(
            each["metadata"]["name"] == name
            for each in self.cluster.items(kind, "--namespace=direct")
        )


async def _until(what: str, condition: Callable[[], Awaitable[bool]]) -> None:
    try:
        async with asyncio.timeout(SECONDS):
            while not await condition():  # noqa: ASYNC110 - another program decides when
                await asyncio.sleep(PAUSE)
    except TimeoutError:
        raise ScenarioError(f"not within {SECONDS} s: {what}") from None


def bootstrap(cluster: Cluster) -> None:
    """What an administrator does once, as the guide says."""
    settings: AgentSettings = KubernetesSettings()
    target = ClusterTarget(cluster.name, settings, Repo("local", DEPLOY), "", "", "", "")
    cluster.apply(plain_yaml.safe_dump_all(Kubernetes().cluster_references(target)))


def _token(cluster: Cluster) -> str:
    return cluster.kubectl("create", "token", OWN_ACCOUNT, f"--namespace={NAMESPACE}").strip()


DirectScenario = Callable[[Direct], Awaitable[str]]


def run_direct(cluster: Cluster, scenario: DirectScenario) -> str:
    """Run a scenario as the bot's own account."""

    async def connected() -> str:
        token = _token(cluster)
        ca = (cluster.folder / "certificates" / "apiserver.crt").read_text()
        connection = Connection(cluster.name, Credentials(cluster.server, ca=ca, token=token))
        try:
            return await scenario(Direct(cluster, ClusterApi(connection)))
        finally:
            await connection.close()

    bootstrap(cluster)
    try:
        return asyncio.run(connected())
    except ClusterError as error:
        raise ScenarioError(str(error)) from error


async def ready(direct: Direct) -> str:
    """A tenant is set up, a component becomes READY, a second application changes nothing."""
    items = [
        *tenant_objects(TENANT),
        *access_objects(TENANT, [Account(NAMESPACE, "switchyard-direct")]),
    ]
    await direct.applied(*items, component="namespace", account=SETUP_ACCOUNT)
    await direct.applied(deployment(), _config("cart", rate="1"))
    await direct.until(Readiness.READY)
    address = Entry("apps/v1", "Deployment", "direct", "cart")
    before = await direct.api.get(address)
    await direct.applied(deployment(), _config("cart", rate="1"))
    after = await direct.api.get(address)
    if (
        before is None
        or after is None
        or before["metadata"]["generation"] != after["metadata"]["generation"]
    ):
        raise ScenarioError("applying the same again changed the Deployment")
    return (await direct.word()).message


async def conflict(direct: Direct) -> str:
    """Another manager's field holds the component; kubectl's is set back."""
    patch = json.dumps({"spec": {"replicas": 3}})
    arguments = ("deployment", "cart", "--namespace=direct", "--type=merge", f"--patch={patch}")
    direct.cluster.kubectl("patch", *arguments, "--field-manager=autoscaler")
    outcome = await direct.apply(deployment(), _config("cart", rate="1"))
    if (
        outcome.state is not ApplyState.STALLED
        or "autoscaler manages fields" not in outcome.message
    ):
        raise ScenarioError(f"not held: {outcome}")
    direct.cluster.kubectl("patch", *arguments, "--field-manager=kubectl-edit")
    direct.cluster.kubectl(
        "patch", *arguments[:-1], '--patch={"spec":{"replicas":4}}', "--field-manager=kubectl-edit"
    )
    await direct.applied(deployment(), _config("cart", rate="1"))
    found = await direct.api.get(Entry("apps/v1", "Deployment", "direct", "cart"), whole=True)
    if found is None or found["spec"]["replicas"] != 2:
        raise ScenarioError("what kubectl changed was not set back")
    return outcome.message


async def autoscaler(direct: Direct) -> str:
    """The autoscaler of Kubernetes keeps the replicas; a merged field is handed over to it."""
    item, scaler = deployment(), scaler_of(4)
    item["metadata"] = scaler["metadata"]
    stated = dict(item["spec"])
    item["spec"] = {key: each for key, each in stated.items() if key != "replicas"}
    address = Entry("apps/v1", "Deployment", "direct", "scaled")

    async def replicas() -> object:
        found = await direct.api.get(address, whole=True)
        return found["spec"]["replicas"] if found is not None else None

    async def four() -> bool:
        return await replicas() == 4

    await direct.applied(item, scaler, component="scaled")
    await _until("the autoscaler has set the replicas", four)
    await direct.applied(item, scaler, component="scaled", revision=NEW)
    left = await replicas()
    await direct.applied(item | {"spec": stated}, scaler, component="scaled")
    await _until("the autoscaler has set the replicas again", four)
    held = await direct.apply(item | {"spec": stated}, scaler, component="scaled")
    await direct.applied(component="scaled")
    await direct.applied(item | {"spec": stated | {"replicas": 4}}, scaler, component="scaled")
    handed = {key: item[key] for key in ("apiVersion", "kind")}
    handed |= {"metadata": {"name": "scaled", "namespace": "direct"}, "spec": {"replicas": 4}}
    manager = ("--server-side", "--validate=false", "--field-manager=handover", "--filename=-")
    direct.cluster.kubectl("apply", *manager, text=json.dumps(handed))
    await direct.applied(item, scaler, component="scaled")
    given_up = await replicas()
    await direct.applied(component="scaled")
    if (left, held.state, given_up) != (4, ApplyState.STALLED, 4):
        raise ScenarioError(f"left at {left}, {held}, handed over at {given_up}")
    return "left at 4 replicas, and at 4 when handed over"


async def lost_inventory(direct: Direct) -> str:
    """Without its inventory, what is not wanted any more is still found and deleted."""
    name = inventory_name("shop", "cart")
    direct.cluster.kubectl("delete", "configmap", name, f"--namespace={NAMESPACE}")
    await direct.applied(deployment(), revision=NEW)
    if direct.exists("configmaps", "cart"):
        raise ScenarioError("the obsolete ConfigMap is still there")
    await direct.until(Readiness.READY)
    return "the obsolete ConfigMap is gone, the inventory is back"


async def definitions(direct: Direct) -> str:
    """A custom resource and its definition in one component; the definition comes first."""
    widget = _object("direct.example.com/v1", "Widget", "w", spec={"size": 3})
    await direct.applied(widget, DEFINITION, component="widgets")
    message = await direct.until(Readiness.READY, "widgets")
    await direct.applied(component="widgets")
    return f"applied and removed again ({message})"


async def job(direct: Direct) -> str:
    """A Job that fails stalls its component."""
    await direct.applied(failing_job(), component="import")
    message = await direct.until(Readiness.STALLED, "import")
    await direct.applied(component="import")
    return message


async def escape(direct: Direct) -> str:
    """No tenant leaves its namespaces or gives itself rights; a wrong field is refused."""
    outside = _config("outside") | {"metadata": {"name": "outside", "namespace": "kube-system"}}
    typo = _config("typo") | {"dta": {}}
    seen = [
        await direct.refused(_escape("RoleBinding"), words="attempting to grant RBAC permissions"),
        await direct.refused(_escape("ClusterRoleBinding"), words="at the cluster scope"),
        await direct.refused(outside, words='in the namespace "kube-system"'),
        await direct.refused(typo, words="field not declared in schema"),
    ]
    return f"{len(seen)} of 4 refused, such as: {seen[0]}"


async def watch(direct: Direct) -> str:
    """A watch tells of changes."""
    resource = await direct.api.resource("apps/v1", "Deployment")
    follower = Follower(direct.api, resource, UNIT_LABEL, asyncio.sleep, whole=False)
    events = follower.events()
    await anext(events)
    await direct.applied(deployment("registry.example.com/cart:2.0.0"), revision=OLD)
    async with asyncio.timeout(SECONDS):
        while not isinstance(await anext(events), Changed):
            continue
    return "the change arrived"


async def removal(direct: Direct) -> str:
    """A component that is removed leaves nothing."""
    await direct.applied(revision=NEW)
    found = await direct.api.get(
        Entry("v1", "ConfigMap", NAMESPACE, inventory_name("shop", "cart"))
    )
    if direct.exists("deployments", "cart") or found is not None:
        raise ScenarioError("something is left")
    return "objects and inventory are gone"


async def rollout(direct: Direct) -> str:
    """The bot itself, with the in-memory forge: from a push to READY, and the removal."""
    folder = Path(tempfile.mkdtemp(prefix="switchyard-direct-"))
    ca_file = direct.cluster.folder / "certificates" / "apiserver.crt"
    address, token = direct.cluster.server.removeprefix("https://"), _token(direct.cluster)
    write_kubeconfig(folder / "one.kubeconfig", address, ca_file, token)
    world = World(folder / "world")
    await world.stop_bot()
    world.known["cluster_credentials"] = folder
    world.start_bot()
    try:
        world.found(core_fleet() | {"tenants/shop.yaml": TENANT_DOCUMENT})
        world.clusters.clear()
        world.ada.push(APP, "main", core_app(), "Open the shop")
        await _until_done(world)
        ready = {each.readiness for each in world.view().units}
        names = {
            each["metadata"]["name"] for each in direct.cluster.items("deployments", "-n=shop")
        }
        if (ready, names) != ({"READY"}, {"cart", "redis", "web"}):
            raise ScenarioError(f"{ready}, and {sorted(names)} on the cluster")
        return f"{len(names)} components READY, in {len(world.view().waves)} waves"
    finally:
        await world.context.clusters.close()
        await world.stop()


async def _until_done(world: World) -> None:
    async def done() -> bool:
        await world.advance(61)
        view = world.context.store.views.load(ROLLOUTS, "storefront")
        return view is not None and view.done and bool(view.waves)

    await _until("the rollout is done", done)


DIRECT_SCENARIOS: dict[str, tuple[str, DirectScenario]] = {
    "direct-ready": ("Direct Kubernetes: a component becomes READY", ready),
    "direct-conflict": ("Direct Kubernetes: another field manager holds it", conflict),
    "direct-autoscaler": ("Direct Kubernetes: an autoscaler keeps its field", autoscaler),
    "direct-inventory": ("Direct Kubernetes: a lost inventory is rebuilt", lost_inventory),
    "direct-definition": ("Direct Kubernetes: a definition, then its resource", definitions),
    "direct-job": ("Direct Kubernetes: a Job that fails stalls its component", job),
    "direct-escape": ("Direct Kubernetes: a tenant cannot leave its namespaces", escape),
    "direct-watch": ("Direct Kubernetes: changes are followed", watch),
    "direct-rollout": ("Direct Kubernetes: the bot rolls an application out", rollout),
    "direct-removal": ("Direct Kubernetes: a removal leaves nothing", removal),
}
