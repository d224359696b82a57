"""Tenants: their set-up is rolled out like an application, before the applications that need it."""

from bot.sandbox.demo.site import APP, DEPLOY, FLEET
from tests.fakes.world import World, manifest, small_app, small_fleet

TENANT = b"""apiVersion: switchyard.dev/v1alpha1
kind: Tenant
metadata: {name: shop}
spec:
  namespace: shop
  deploy: local:fleet/deploy
  clusters: {matchLabels: {shop: "true"}}
  quota: {requests.cpu: "4", pods: "20"}
  limits: {defaultRequest: {cpu: 100m}}
  members: [{kind: Group, name: shop-developers, role: view}]
"""
NAMES = ("one", "two")


def fleet(*members: str) -> dict[str, bytes | None]:
    """Two clusters, of which the tenant has `members`."""
    files = {**small_fleet(NAMES), "tenants/shop.yaml": TENANT}
    for name in NAMES:
        labels = b"tier: edge, shop: 'true'" if name in members else b"tier: edge"
        text = files[f"clusters/{name}.yaml"] or b""
        files[f"clusters/{name}.yaml"] = text.replace(b"tier: edge", labels)
    return files


def order(world: World) -> list[str]:
    """Application and wave of every merge, in their order."""
    requests = world.rita.requests(DEPLOY, "merged")
    places = {entry["sha"]: index for index, entry in enumerate(world.log())}
    requests.sort(key=lambda each: -places[each["merge_sha"]])
    return [each["source_branch"].removeprefix("switchyard/") for each in requests]


def clusters_of(world: World, path: str) -> set[str]:
    """The clusters whose folder on main has something below that path."""
    head = world.pull()
    assert head is not None
    return {name for name in NAMES if world.agents.entries(head, (f"clusters/{name}/{path}",))}


async def test_f1_a_cluster_joins_a_live_tenant_and_leaves_it_again(world: World) -> None:
    world.found(fleet("one"))
    app = small_app()
    world.ada.push(APP, "main", app, "Open the shop")
    await world.settle()
    await world.finish()

    assert order(world) == ["tenant-shop/all.1", *(f"storefront/canary.{n}" for n in (1, 2, 3))]
    assert clusters_of(world, "apps/shop/tenant-shop") == {"one"}
    files = world.agents.files(
        str(world.agents.head("main")), "clusters/one/apps/shop/tenant-shop/namespace"
    )
    assert "namespace-shop.yaml" in files
    assert b"requests.cpu" in b"".join(files.values())

    world.otto.push(FLEET, "main", fleet("one", "two"), "The shop gets cluster two")
    await world.settle()
    await world.finish()
    assert clusters_of(world, "apps/shop/storefront/web") == {"one", "two"}
    assert order(world)[4:] == ["tenant-shop/all.1", *(f"storefront/rest.{n}" for n in (1, 2, 3))]

    world.otto.push(FLEET, "main", fleet("one"), "Cluster two is for others again")
    await world.settle()
    await world.finish()
    await world.sweep()
    await world.finish()
    assert clusters_of(world, "apps/shop") == {"one"}
    removals = [each for each in order(world) if "/remove." in each]
    assert removals == [*(f"storefront/remove.{n}" for n in (2, 3, 4)), "tenant-shop/remove.2"]


async def test_an_object_beyond_the_tenant_is_refused_before_anything_happens(
    world: World,
) -> None:
    world.found(fleet("one"))
    app = small_app()
    app["deploy/web/deployment.yaml"] = manifest("web").replace(
        b"    spec:\n      containers", b"    spec:\n      hostNetwork: true\n      containers"
    )
    world.ada.push(APP, "main", app, "Open the shop")
    await world.settle()

    assert any("hostNetwork" in problem for problem in world.view().problems)
    assert order(world) == ["tenant-shop/all.1"]
