"""EMCO's C1 and C2: nothing is merged before what it depends on is ready where it has to be."""

from bot.sandbox.demo.site import APP, DEPLOY
from tests.fakes.world import World, manifest, small_fleet

HEAD = b"apiVersion: switchyard.dev/v1alpha1\nkind: Application\n"
TWO = ("one", "two")


def chain(
    nginx: str = "1.0.0", components: str = "nginx operator collectd"
) -> dict[str, bytes | None]:
    """`collectd` needs `operator`, which needs `nginx`: ready on both clusters for ten seconds."""
    names = components.split()
    lines = []
    for name, need in zip(names, ["", *names], strict=False):
        needs = f", dependsOn: [{{component: {need}, on: allClusters, soak: 10s}}]" if need else ""
        lines.append(f"    - {{name: {name}, source: {{manifests: {name}}}{needs}}}")
    spec = "\n".join(
        [
            "metadata: {name: storefront}",
            "spec:",
            "  tenant: shop",
            "  components:",
            *lines,
            "  placement:",
            f"    - {{components: [{', '.join(names)}], allOf: [{{}}]}}",
            "",
        ]
    )
    files: dict[str, bytes | None] = {"switchyard.yaml": HEAD + spec.encode()}
    for name in names:
        files[f"{name}/x.yaml"] = manifest(name, nginx if name == "nginx" else "1.0.0")
    return files


async def begun(world: World) -> None:
    world.found(small_fleet(TWO))
    world.ada.push(APP, "main", chain(), "Begin")
    await world.settle()


async def test_c1_the_second_merge_waits_for_the_first_on_both_clusters(world: World) -> None:
    await begun(world)
    world.behave("two", silent=True)
    await world.advance(3)
    await world.advance(60)
    assert world.merged() == ["all.1"]
    assert world.reasons("all.2") == [
        "operator waits for nginx to be Ready on two (progressing) (1 of 2 needed)"
    ]

    world.behave("two", silent=False)
    await world.advance(3)
    assert world.merged() == ["all.1"]
    assert "soaking until" in world.reasons("all.2")[0]
    await world.advance(10)
    assert world.merged() == ["all.1", "all.2"]
    await world.finish()
    assert world.merged() == ["all.1", "all.2", "all.3"]


async def test_c2_a_failed_dependency_is_never_passed(world: World) -> None:
    world.found(small_fleet(TWO))
    world.behave("two", failing=frozenset({"nginx"}))
    world.ada.push(APP, "main", chain(), "Begin")
    await world.settle()

    await world.advance(24 * 60 * 60)

    assert world.merged() == ["all.1"]
    assert "nginx failed: " in world.reasons("all.2")[0]


async def test_c2_an_update_takes_the_same_order(world: World) -> None:
    await begun(world)
    await world.finish()
    first = len(world.merged())
    changed = chain(nginx="2.0.0")
    changed["operator/x.yaml"] = manifest("operator", "2.0.0")
    world.behave("two", silent=True)

    world.ada.push(APP, "main", changed, "Update")
    await world.settle()
    await world.advance(30)
    assert world.merged()[first:] == ["all.1"], "operator waits on update as on install"

    world.behave("two", silent=False)
    await world.finish()
    assert world.merged()[first:] == ["all.1", "all.2"]


async def test_c2_removal_is_reversed(world: World) -> None:
    await begun(world)
    await world.finish()
    first = len(world.merged())
    rest = chain(components="nginx")
    world.ada.push(
        APP, "main", {**rest, "operator/x.yaml": None, "collectd/x.yaml": None}, "Slim down"
    )
    await world.settle()
    await world.finish()

    assert world.merged()[first:] == ["remove.1"], "both are named no longer: nothing needs them"
    names = {each["title"] for each in world.rita.requests(DEPLOY, "merged")}
    assert "storefront remove.1: remove collectd, operator on one, two" in names


async def test_c2_a_component_leaves_a_cluster_after_its_dependants(world: World) -> None:
    await begun(world)
    await world.finish()
    first = len(world.merged())
    world.otto.push(
        "fleet/fleet",
        "main",
        {
            "clusters/two.yaml": small_fleet(("x", "two"))["clusters/two.yaml"].replace(
                b"labels: {tier: edge}", b"labels: {tier: core}"
            )
        },
        "Move two",  # type: ignore[union-attr]
    )
    narrowed = chain()
    text = (narrowed["switchyard.yaml"] or b"").replace(
        b"allOf: [{}]", b"allOf: [{matchLabels: {tier: edge}}]"
    )
    world.ada.push(APP, "main", {"switchyard.yaml": text}, "Only the edge")
    await world.settle()
    await world.finish()

    assert world.merged()[first:] == ["remove.2", "remove.3", "remove.4"]
    removed = [
        each["title"].partition(": ")[2]
        for each in sorted(world.rita.requests(DEPLOY, "merged"), key=lambda e: e["title"])
        if "remove" in each["title"]
    ]
    assert removed == ["remove collectd on two", "remove operator on two", "remove nginx on two"]


async def test_another_applications_component_is_waited_for(world: World) -> None:
    fleet = small_fleet(TWO)
    head = b"apiVersion: switchyard.dev/v1alpha1\nkind: Registration\n"
    fleet["applications/vault.yaml"] = (
        head + b"metadata: {name: vault}\nspec: {application: vault, tenant: shop, "
        b"app: 'local:" + APP.encode() + b"', deploy: 'local:" + DEPLOY.encode() + b"', "
        b"path: vault}\n"
    )
    world.found(fleet)
    mine = chain()
    mine["switchyard.yaml"] = (mine["switchyard.yaml"] or b"").replace(
        b"{name: nginx, source: {manifests: nginx}}",
        b"{name: nginx, source: {manifests: nginx}, "
        b"dependsOn: [{application: vault, component: safe, timeout: 1h}]}",
    )
    world.ada.push(APP, "main", mine, "Begin")
    await world.settle()
    assert world.merged() == []
    assert world.reasons("all.1")[0] == (
        "nginx waits for vault/safe to be Ready on one, two (not deployed yet)"
    )

    theirs = (
        HEAD + b"metadata: {name: vault}\nspec:\n  tenant: shop\n  components:\n"
        b"    - {name: safe, source: {manifests: safe}}\n"
        b"  placement:\n    - {components: [safe], allOf: [{}]}\n"
    )
    world.ada.push(
        APP,
        "main",
        {"vault/switchyard.yaml": theirs, "vault/safe/x.yaml": manifest("safe")},
        "The vault",
    )
    await world.settle()
    await world.finish()

    branches = [each["source_branch"] for each in world.rita.requests(DEPLOY, "merged")]
    order = {entry["sha"]: index for index, entry in enumerate(world.log())}
    merged = sorted(
        world.rita.requests(DEPLOY, "merged"), key=lambda each: -order[each["merge_sha"]]
    )
    assert len(branches) == 4
    assert merged[0]["source_branch"] == "switchyard/vault/all.1"
