"""Two applications that create one object: the second is refused while the first is proposed."""

from bot.report.model import ROLLOUTS, RolloutView
from bot.sandbox.demo.site import APP, DEPLOY
from tests.fakes.world import World, small_fleet

HEAD = "apiVersion: switchyard.dev/v1alpha1\nkind: "
TWO = ("one", "two")


def application(name: str, where: str, objects: str) -> dict[str, bytes | None]:
    """An application in a folder of its name: one component with ConfigMaps, on some clusters."""
    spec = (
        f"{HEAD}Application\nmetadata: {{name: {name}}}\nspec:\n  tenant: shop\n  components:\n"
        f"    - {{name: settings, source: {{manifests: settings}}}}\n"
        f"  placement:\n    - {{components: [settings], allOf: [{where}]}}\n"
    )
    maps = [
        f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {each}}}\ndata: {{a: b}}\n"
        for each in objects.split()
    ]
    return {
        f"{name}/switchyard.yaml": spec.encode(),
        f"{name}/settings/all.yaml": "---\n".join(maps).encode(),
    }


def registered(*names: str) -> dict[str, bytes | None]:
    """The registrations of these applications, and none of the others."""
    found: dict[str, bytes | None] = {
        f"applications/{name}.yaml": None for name in ("till", "vault") if name not in names
    }
    for name in names:
        found[f"applications/{name}.yaml"] = (
            f"{HEAD}Registration\nmetadata: {{name: {name}}}\nspec: {{application: {name}, "
            f"tenant: shop, app: 'local:{APP}', deploy: 'local:{DEPLOY}', path: {name}}}\n"
        ).encode()
    return found


def found(world: World) -> None:
    """Two applications of one tenant, of which every change needs an approval."""
    fleet = small_fleet(TWO, "{approvals: [{count: 1}]}")
    del fleet["applications/storefront.yaml"]
    world.found({**fleet, **registered("till", "vault")})


def view(world: World, application: str) -> RolloutView:
    found = world.context.store.views.load(ROLLOUTS, application)
    assert found is not None
    return found


def branches(world: World, state: str) -> list[str]:
    return sorted(each["source_branch"] for each in world.rita.requests(DEPLOY, state))


def order(world: World, branch: str) -> dict[str, str]:
    """The required status of an open merge request."""
    (request,) = (e for e in world.rita.requests(DEPLOY, "open") if e["source_branch"] == branch)
    (status,) = world.forge.statuses(DEPLOY, request["head"])
    return {"state": status.state, "description": status.description}


async def test_an_object_that_another_application_proposes_is_refused(world: World) -> None:
    found(world)
    world.ada.push(APP, "main", application("till", "{}", "shared till"), "The till")
    await world.settle()
    world.ada.push(APP, "main", application("vault", "{names: [two]}", "shared"), "The vault")
    await world.settle()

    assert branches(world, "open") == ["switchyard/till/all.1"]
    assert list(view(world, "till").problems) == []
    assert list(view(world, "vault").problems) == [
        (
            "settings/all.yaml:1:1: ConfigMap/shared in namespace shop is in component settings "
            "(settings/all.yaml:1:1), and merge request 1 creates it for component settings of "
            "application till: rename it, or remove it there and close that merge request [on two]"
        )
    ]

    world.rita.approve(DEPLOY, 1)
    await world.settle()
    await world.sweep()

    assert branches(world, "merged") == ["switchyard/till/all.1"]
    assert "already belongs to component settings of application till" in str(
        view(world, "vault").problems
    )


async def test_the_older_merge_request_for_an_object_keeps_it(world: World) -> None:
    found(world)
    world.ada.push(APP, "main", application("till", "{}", "till"), "The till")
    await world.settle()
    world.ada.push(APP, "main", application("vault", "{names: [two]}", "shared"), "The vault")
    await world.settle()
    world.ada.push(APP, "main", application("till", "{}", "shared till"), "The till grows")
    await world.settle()

    assert list(view(world, "vault").problems) == []
    assert "merge request 2 creates it for component settings of application vault" in str(
        view(world, "till").problems
    )

    world.rita.approve(DEPLOY, 1)
    world.rita.approve(DEPLOY, 2)
    await world.settle()

    assert branches(world, "merged") == ["switchyard/vault/all.1"]
    told = order(world, "switchyard/till/all.1")
    assert told["state"] == "pending"
    assert told["description"].startswith("the newest plan has a problem: settings/all.yaml:1:1: ")


async def test_what_is_merged_stays_whatever_another_application_proposes(world: World) -> None:
    found(world)
    world.ada.push(APP, "main", application("vault", "{names: [two]}", "shared"), "The vault")
    await world.settle()
    world.describe(registered("till"))
    world.ada.push(APP, "main", application("till", "{}", "shared"), "The till")
    await world.settle()
    world.rita.approve(DEPLOY, 2)
    await world.settle()
    world.describe(registered("till", "vault"))
    await world.settle()
    await world.sweep()

    assert branches(world, "merged") == ["switchyard/till/all.1"]
    assert branches(world, "open") == ["switchyard/vault/all.1"]
    assert list(view(world, "till").problems) == []
    assert "already belongs to component settings of application till" in str(
        view(world, "vault").problems
    )
    assert "the newest plan has a problem" in order(world, "switchyard/vault/all.1")["description"]
