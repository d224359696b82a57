"""The scenarios, in order; each builds on the state that the previous one left."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import yaml as plain_yaml

from bot.sandbox.demo.site import APP, BOT, DEPLOY
from tests.acceptance.argocd_scenario import run_argocd
from tests.acceptance.certificates import run_certificates
from tests.acceptance.direct import DIRECT_SCENARIOS, DirectScenario, run_direct
from tests.acceptance.edges import run_edges
from tests.acceptance.processes import RigError
from tests.acceptance.repositories import run_repositories
from tests.acceptance.rig import CANARY, CLUSTERS, WITH_FLUX, Rig
from tests.acceptance.rollouts import (
    ScenarioError,
    SkippedError,
    is_ready,
    merge,
    propose,
    state,
    unit,
    wait_for,
)
from tests.acceptance.site import APPLICATION, app_files, describe_tenant

TENANT_APPLICATION = "tenant-shop"
TENANT_SECONDS, ROLLOUT_SECONDS, STALL_SECONDS, ROLLBACK_SECONDS = 240, 1200, 300, 240
LEAVE_SECONDS, OUTSIDE_SECONDS = 240, 90
TENANT_NAMESPACES = {"shop", "shop-jobs"}
NOT_FETCHED = ("ArtifactFailed", "DependencyNotReady", "Progressing")
BROKEN_BRANCH = "break-currency"
IMAGE_FILE = "deploy/currency/deployment.yaml"
GOOD, MISSING = "currency:1.1.0", "currency:missing"
SECOND_NAMESPACE = b"""\
apiVersion: v1
kind: ConfigMap
metadata: {name: rates, namespace: shop-jobs}
data: {source: ecb}
"""
OUTSIDE_OBJECTS = {
    "config-map": """\
apiVersion: v1
kind: ConfigMap
metadata: {name: outside, namespace: kube-system}
data: {written-by: shop}
""",
    "cluster-role-binding": """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: outside}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: default, namespace: shop}]
""",
}


@dataclass(frozen=True, slots=True)
class Result:
    """How a scenario went; `detail` says what was seen, or what was missing."""

    title: str
    passed: bool
    seconds: int
    detail: str
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario: what it shows, and how; `name` is that of its recording."""

    name: str
    title: str
    run: Callable[[Rig], str]


def run_scenario(rig: Rig, scenario: Scenario) -> Result:
    """Run one scenario; any failure is a result."""
    began = time.monotonic()
    try:
        passed, detail = True, scenario.run(rig)
    except SkippedError as error:
        return Result(scenario.title, passed=False, seconds=0, detail=str(error), skipped=True)
    except (ScenarioError, RigError) as error:
        passed, detail = False, str(error)
    return Result(scenario.title, passed, round(time.monotonic() - began), detail)


def _set_up_tenant(rig: Rig) -> str:
    wait_for(rig, "the tenant's namespaces are READY", is_ready, TENANT_SECONDS, TENANT_APPLICATION)
    for name in CLUSTERS:
        found = _namespaces(rig, name)
        if not found >= TENANT_NAMESPACES:
            raise ScenarioError(f"{name} has only the namespaces {', '.join(sorted(found))}")
    return f"namespaces, accounts, roles and network policies on {len(CLUSTERS)} clusters"


def _leave(rig: Rig) -> str:
    """The tenant's set-up is all that its agents apply there so far."""
    left = [name for name in CLUSTERS if name != CANARY]
    describe_tenant(rig.service, [CANARY])
    wait_for(
        rig,
        f"the tenant has left {' and '.join(left)}",
        lambda _: not any(_namespaces(rig, name) & TENANT_NAMESPACES for name in left),
        LEAVE_SECONDS,
        TENANT_APPLICATION,
    )
    describe_tenant(rig.service, CLUSTERS)
    wait_for(
        rig,
        "the tenant is back",
        lambda view: (
            is_ready(view) and all(_namespaces(rig, name) >= TENANT_NAMESPACES for name in left)
        ),
        TENANT_SECONDS,
        TENANT_APPLICATION,
    )
    return f"pruned on {' and '.join(left)}, which then had no component; READY there again"


def _namespaces(rig: Rig, cluster: str) -> set[str]:
    return {each["metadata"]["name"] for each in rig.cluster(cluster).items("namespaces")}


def _roll_out(rig: Rig) -> str:
    files = app_files() | {"deploy/currency/jobs.yaml": SECOND_NAMESPACE}
    change = merge(rig, "open-the-shop", "Open the shop", files)
    view = wait_for(
        rig,
        "all components are READY",
        lambda view: is_ready(view, change.revision),
        ROLLOUT_SECONDS,
    )
    for name in CLUSTERS:
        for component in ("currency", "web"):
            status = rig.deployment(name, component).get("status", {})
            if not status.get("availableReplicas"):
                raise ScenarioError(f"{component} is READY, but not available on {name}: {status}")
    return f"{len(view['units'])} units READY in {len(view['waves'])} waves; pods are available"


def _second_namespace(rig: Rig) -> str:
    for name in CLUSTERS:
        maps = rig.cluster(name).items("configmaps", "--namespace=shop-jobs")
        if "rates" not in {each["metadata"]["name"] for each in maps}:
            raise ScenarioError(f"the ConfigMap of the namespace shop-jobs is not on {name}")
    return "the ConfigMap is in the namespace that its manifest names"


def _hold(rig: Rig) -> str:
    broken = app_files()[IMAGE_FILE].replace(GOOD.encode(), MISSING.encode())
    merge(rig, BROKEN_BRANCH, "Update currency", {IMAGE_FILE: broken})
    view = wait_for(
        rig,
        f"currency is STALLED on {CANARY}",
        lambda view: unit(view, "currency", CANARY).get("readiness") == "STALLED",
        STALL_SECONDS,
    )
    reached = [name for name in CLUSTERS if name != CANARY and MISSING in _image(rig, name)]
    if reached:
        raise ScenarioError(f"the broken image is on {', '.join(reached)}\n{state(rig, view)}")
    message = unit(view, "currency", CANARY)["message"]
    return f"STALLED on {CANARY} (“{message}”); the others keep {GOOD}"


def _roll_back(rig: Rig) -> str:
    requests = rig.service.person("otto").requests(APP, "merged")
    number = next(
        int(each["number"]) for each in requests if each["source_branch"] == BROKEN_BRANCH
    )
    command = '/switchyard rollback --reason "the image does not exist"'
    rig.service.person("otto").comment(APP, number, command)
    wait_for(
        rig,
        f"currency is READY again on {CANARY}",
        lambda view: (
            unit(view, "currency", CANARY).get("readiness") == "READY"
            and GOOD in _image(rig, CANARY)
        ),
        ROLLBACK_SECONDS,
    )
    available = rig.deployment(CANARY, "currency")["status"].get("availableReplicas")
    return f"{GOOD} runs on {CANARY} with {available} available replicas"


def _refuse_plan(rig: Rig) -> str:
    file = {"deploy/currency/outside.yaml": OUTSIDE_OBJECTS["config-map"].encode()}
    number, plan = propose(rig, "leave", "Write to kube-system", file)
    if plan.startswith("success"):
        raise ScenarioError(f"the plan of !{number} is {plan}")
    rig.service.person("ada").set_state(APP, number, "closed")
    return f"plan refused: {plan}"


def _contain(rig: Rig) -> str:
    """Apply foreign objects past Switchyard, with the tenant's own Kustomization otherwise."""
    _make_outside_repository(rig)
    seen = [_contain_on(rig, name) for name in WITH_FLUX]
    return "; ".join(seen)


def _make_outside_repository(rig: Rig) -> None:
    roles = {"otto": "admin", "ada": "read", "rita": "read", BOT: "read"}
    rig.service.site.made.forge.create_repository("fleet/outside", roles, description="")
    files = {f"{name}/object.yaml": text.encode() for name, text in OUTSIDE_OBJECTS.items()}
    rig.service.person("otto").push("fleet/outside", "main", files, "Leave the namespaces")


def _contain_on(rig: Rig, name: str) -> str:
    cluster = rig.cluster(name)
    kustomizations = cluster.items("kustomizations.kustomize.toolkit.fluxcd.io")
    source = next(
        each for each in cluster.items("gitrepositories") if DEPLOY in each["spec"]["url"]
    )
    ours = next(
        (each for each in kustomizations if each["metadata"]["name"] == f"{APPLICATION}.currency"),
        None,
    )
    if ours is None:
        raise ScenarioError(f"{name} has no Kustomization {APPLICATION}.currency to imitate")
    where = {"name": "outside", "namespace": ours["metadata"]["namespace"]}
    url = source["spec"]["url"].replace(DEPLOY, "fleet/outside")
    objects = [
        {
            "apiVersion": source["apiVersion"],
            "kind": "GitRepository",
            "metadata": where,
            "spec": source["spec"] | {"url": url},
        }
    ]
    for folder in OUTSIDE_OBJECTS:
        spec = {key: value for key, value in ours["spec"].items() if key != "targetNamespace"}
        fetched = {"kind": "GitRepository", "name": "outside"}
        objects.append(
            {
                "apiVersion": ours["apiVersion"],
                "kind": "Kustomization",
                "metadata": where | {"name": f"outside.{folder}"},
                "spec": spec | {"path": f"./{folder}", "sourceRef": fetched},
            }
        )
    cluster.apply(plain_yaml.safe_dump_all(objects))
    return _outcome(rig, name)


def _outcome(rig: Rig, name: str) -> str:
    cluster = rig.cluster(name)

    def refusals() -> list[str] | None:
        ready = {}
        for each in cluster.items("kustomizations.kustomize.toolkit.fluxcd.io"):
            if each["metadata"]["name"].startswith("outside."):
                for condition in each.get("status", {}).get("conditions", ()):
                    if condition["type"] == "Ready" and condition["reason"] not in NOT_FETCHED:
                        ready[each["metadata"]["name"]] = condition["message"]
        return list(ready.values()) if len(ready) == len(OUTSIDE_OBJECTS) else None

    messages = rig.processes.wait(f"Flux's words on {name}", refusals, OUTSIDE_SECONDS)
    maps = cluster.items("configmaps", "--namespace=kube-system")
    bindings = cluster.items("clusterrolebindings")
    names = {each["metadata"]["name"] for each in (*maps, *bindings)}
    if "outside" in names:
        raise ScenarioError(f"an object outside of the tenant's namespaces was made on {name}")
    if not all("forbidden" in message for message in messages):
        raise ScenarioError(f"not refused as forbidden on {name}: {messages}")
    return f"{name}: {len(messages)} of {len(OUTSIDE_OBJECTS)} refused as forbidden"


def _image(rig: Rig, cluster: str) -> str:
    found = rig.deployment(cluster, "currency")
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"]) if found else ""


def _without_agent(scenario: DirectScenario) -> Callable[[Rig], str]:
    """A scenario of direct Kubernetes, on the cluster without an agent."""
    return lambda rig: run_direct(rig.direct, scenario)


SCENARIOS = (
    Scenario("tenant", "A tenant's namespaces are set up on every cluster", _set_up_tenant),
    Scenario("leave", "The last component leaves clusters, whose agents prune it", _leave),
    Scenario(
        "repositories",
        "A second deploy repo on the same clusters has a root of its own",
        run_repositories,
    ),
    Scenario("rollout", "The sample shop goes from push to READY on every cluster", _roll_out),
    Scenario("namespaces", "An object in the tenant's second namespace arrives", _second_namespace),
    Scenario("failure", "An image that does not exist holds the rollout", _hold),
    Scenario("rollback", "A rollback brings the earlier version back", _roll_back),
    Scenario("refusal", "A plan with an object in a namespace of others is refused", _refuse_plan),
    Scenario("containment", "The tenant's account cannot leave its namespaces", _contain),
    Scenario("edges", "An edge's reporter leaves its document in a bucket", run_edges),
    *(
        Scenario(name, title, _without_agent(scenario))
        for name, (title, scenario) in DIRECT_SCENARIOS.items()
    ),
    Scenario(
        "certificates",
        "cert-manager and trust-manager: clusters trust each other, a root is replaced",
        run_certificates,
    ),
    Scenario("argocd", "Argo CD: its states of one component, recorded", run_argocd),
)
