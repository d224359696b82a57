"""EMCO's own deployment examples as acceptance scenarios; A2 (Azure) is in `test_azure`.

EMCO ships them as scripts whose results people read with `kubectl get`. Each docstring says what
EMCO's example does; the assertions are the conditions under which it counts as done.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import kubernetes_validate
import pytest

from bot.keys import agent_key
from bot.sandbox.demo.argocd import ArgoCDBehaviour, SimulatedArgoCD
from bot.sandbox.demo.config_sync import SimulatedConfigSync
from bot.sandbox.demo.site import APP, DEPLOY
from planners.model import Json
from renderers import yaml
from tests.fakes.certificates import make_authority
from tests.fakes.cluster_api import TOKEN, FakeCluster
from tests.fakes.crds import violations
from tests.fakes.direct_fleet import DIRECT, TENANT_DOCUMENT, write_kubeconfig
from tests.fakes.gitlab.server import start_gitlab
from tests.fakes.world import REPORT_KEY, World, manifest, small_fleet

DIRECT_CLUSTER, PULLING = "one", "two"
ARGO = b"{agent: argocd, argocd: {repoUrl: 'https://git.example.com/{repo}.git'}}"
CONFIG_SYNC = b"{agent: anthos, anthos: {repoUrl: 'https://git.example.com/{repo}.git'}}"
IN_KUBE_SYSTEM = b"""apiVersion: v1
kind: ConfigMap
metadata: {name: foreign, namespace: kube-system}
"""
CLUSTER_WIDE = b"""apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: foreign}
rules: [{apiGroups: [""], resources: [secrets], verbs: [get]}]
"""
COLLECTD = b"""apiVersion: switchyard.dev/v1alpha1
kind: Application
metadata: {name: storefront}
spec:
  tenant: shop
  components:
    - {name: collectd, source: {manifests: deploy/collectd}}
  placement:
    - {components: [collectd], allOf: [{matchLabels: {tier: core}}]}
"""
OBJECT = "deployment-collectd.yaml"


def collectd(image: str = "1.0.0") -> dict[str, bytes | None]:
    """The application of EMCO's examples: one component on all core clusters."""
    return {
        "switchyard.yaml": COLLECTD,
        "deploy/collectd/deployment.yaml": manifest("collectd", image),
    }


def core_fleet(**specs: bytes) -> dict[str, bytes | None]:
    """Clusters by name, each with its own `spec`, in the core tier."""
    fleet = small_fleet(tuple(specs), DIRECT)
    for name, spec in specs.items():
        text = fleet[f"clusters/{name}.yaml"]
        assert text is not None
        text = text.replace(b"tier: edge", b"tier: core").replace(b"{agent: flux}", spec)
        fleet[f"clusters/{name}.yaml"] = text
    return fleet


def written(world: World, cluster: str) -> set[str]:
    """The merged files of a cluster, without its folder."""
    head = world.pull()
    assert head is not None
    return set(world.agents.files(head, f"clusters/{cluster}"))


def agents_objects(world: World, cluster: str) -> list[dict[str, Json]]:
    """What is merged for the agent of a cluster, each valid by the real definitions."""
    head = world.pull()
    assert head is not None
    found = []
    for content in world.agents.files(head, f"clusters/{cluster}/sync").values():
        for document in yaml.load_documents(content):
            assert isinstance(document.value, dict)
            if document.value["apiVersion"] == "rbac.authorization.k8s.io/v1":
                kubernetes_validate.validate(document.value, "1.37", strict=True)
            else:
                assert violations(document.value) == []
            found.append(document.value)
    return found


def readiness(world: World) -> dict[str, str]:
    """By cluster; the application has one component."""
    return {each.cluster: each.readiness for each in world.view().units}


@pytest.fixture
async def direct(world: World, tmp_path: Path) -> AsyncIterator[FakeCluster]:
    """The first cluster, which Switchyard reaches with a kubeconfig."""
    authority, folder = make_authority(tmp_path / "tls"), tmp_path / "credentials"
    folder.mkdir()
    cluster = FakeCluster()
    cluster.tenant("shop", "shop")
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(cluster.listen(authority))
        file = folder / f"{DIRECT_CLUSTER}.kubeconfig"
        write_kubeconfig(file, address, authority.ca_file, TOKEN)
        await world.stop_bot()
        world.known["cluster_credentials"] = folder
        world.start_bot()
        yield cluster
        await world.context.clusters.close()


async def test_a1_one_cluster_by_kubeconfig_and_one_with_flux(
    world: World, direct: FakeCluster
) -> None:
    """EMCO's `test-flux`: collectd on a cluster with a kubeconfig and on one that Flux serves.

    The merge requests add files of these clusters only, Flux's objects are valid, and both clusters
    report READY at what was merged.
    """
    fleet = {DIRECT_CLUSTER: b"{agent: kubernetes}", PULLING: b"{agent: flux}"}
    world.found(core_fleet(**fleet))
    del world.clusters[DIRECT_CLUSTER]
    world.ada.push(APP, "main", collectd(), "Collect metrics")
    await world.settle()
    for _ in range(5):
        direct.objects.settle()
        await world.advance(61)

    assert readiness(world) == {DIRECT_CLUSTER: "READY", PULLING: "READY"}
    head = world.pull()
    assert head is not None
    assert {path.split("/")[0] for path in world.agents.files(head, "")} == {
        "clusters",
        "README.md",
    }
    assert written(world, PULLING) >= {
        f"apps/shop/storefront/collectd/{OBJECT}",
        "sync/shop/storefront/collectd.yaml",
    }
    (kustomization,) = agents_objects(world, PULLING)
    assert kustomization["kind"] == "Kustomization"
    assert ("apps", "Deployment", "shop", "collectd") in direct.objects.items


async def test_a3_config_sync_writes_only_where_the_tenant_may(world: World) -> None:
    """EMCO's `test-anthos`: RepoSync, RBAC and namespaces through Google's Config Sync.

    Its logical cloud has three permissions: its own namespace, `kube-system`, and cluster-wide. A
    tenant has the first one; objects for the others are refused before anything is written. What
    is written is valid, has no status, and becomes READY.
    """
    world.found(core_fleet(one=CONFIG_SYNC) | {"tenants/shop.yaml": TENANT_DOCUMENT})
    world.clusters["one"] = SimulatedConfigSync("one", agent_key(REPORT_KEY, "anthos", "one"))
    world.ada.push(APP, "main", collectd(), "Collect metrics")
    await world.settle()
    for _ in range(12):
        await world.advance(61)

    assert readiness(world) == {"one": "READY"}
    found = {str(each["kind"]): each for each in agents_objects(world, "one")}
    assert sorted(found) == ["RepoSync", "RoleBinding", "RootSync"]
    assert not any("status" in each for each in found.values())
    assert found["RoleBinding"]["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "Role",
        "name": "switchyard",
    }
    setup = {path for path in written(world, "one") if path.startswith("apps/shop/tenant-shop/")}
    assert {path.rpartition("/")[2] for path in setup} >= {
        "namespace-shop.yaml",
        "role-switchyard.yaml",
    }

    before = written(world, "one")
    for foreign in (IN_KUBE_SYSTEM, CLUSTER_WIDE):
        files = collectd("1.0.1") | {"deploy/collectd/foreign.yaml": foreign}
        world.ada.push(APP, "main", files, "Reach further")
        await world.settle()
        assert any("tenant shop" in problem for problem in world.view().problems)
    assert written(world, "one") == before


async def test_a4_a_git_server_of_ones_own_with_its_own_certificate(tmp_path: Path) -> None:
    """EMCO's `test-gitea`: a self-hosted Git server whose certificate no public authority signed.

    Git and the API are reached over TLS. Without the authority's certificate nothing is written.
    """
    world = World(tmp_path, "gitlab", git_over_http=True)
    authority = make_authority(tmp_path / "tls")
    world.gitlab, server = start_gitlab(
        world.forge, lambda: world.now, certificate=authority.certificate
    )
    world.servers.append(server)
    await world.stop_bot()
    world.known["gitlab_url"] = server.url
    world.start_bot()
    world.found(core_fleet(one=b"{agent: flux}"))
    world.ada.push(APP, "main", collectd(), "Collect metrics")
    await world.settle()
    assert world.otto.requests(DEPLOY) == []

    await world.stop_bot()
    world.known["gitlab_ca_file"] = authority.ca_file
    world.start_bot()
    await world.sweep()
    await world.finish()
    assert readiness(world) == {"one": "READY"}
    assert server.url.startswith("https://")
    await world.stop()


async def test_a5_argo_cd_has_an_application_for_each_component_and_its_health_counts(
    world: World,
) -> None:
    """EMCO promised Argo CD and never built it: an Application per app and cluster, health read.

    READY when its Application is Synced and Healthy, STALLED when it is Degraded.
    """
    names = ("one", "two")
    world.found(core_fleet(**dict.fromkeys(names, ARGO)))
    for name in names:
        key = agent_key(REPORT_KEY, "argocd", name)
        broken = frozenset({"collectd"} if name == "two" else ())
        behaviour = ArgoCDBehaviour(timedelta(seconds=10), failing=broken)
        world.clusters[name] = SimulatedArgoCD(name, key, behaviour)
    world.ada.push(APP, "main", collectd(), "Collect metrics")
    await world.settle()
    for _ in range(4):
        await world.advance(70)
    assert readiness(world) == {"one": "READY", "two": "STALLED"}
    for name in names:
        (application,) = agents_objects(world, name)
        assert (application["kind"], name_of(application)) == ("Application", "storefront.collectd")

    world.behave("two", failing=frozenset())
    world.ada.push(APP, "main", collectd("1.0.1"), "Mend it")
    await world.settle()
    for _ in range(4):
        await world.advance(70)
    assert readiness(world) == {"one": "READY", "two": "READY"}


def name_of(item: dict[str, Json]) -> Json:
    metadata = item["metadata"]
    assert isinstance(metadata, dict)
    return metadata["name"]
