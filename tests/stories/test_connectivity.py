"""Connectivity from the intent to the deploy repo: with the units, in order, and away with them."""

from bot.report.model import PLANS
from bot.sandbox.demo.site import APP, DEPLOY
from tests.fakes.connectivity import service, shop
from tests.fakes.folders import deployment
from tests.fakes.world import World, small_fleet

HEAD = "apiVersion: switchyard.dev/v1alpha1\nkind: "
CLUSTERS = ("one", "two")
WHERE = {"cart": ["one"], "payment": ["one"]}
CALL = "{from: {component: cart}, to: {component: payment}}"


def app(connectivity: str = CALL, more: str = "") -> dict[str, bytes]:
    files = shop(connectivity, WHERE, more)
    text = files["switchyard.yaml"].replace("name: store}", "name: storefront}")
    return {path: each.encode() for path, each in {**files, "switchyard.yaml": text}.items()}


def derived(world: World) -> list[str]:
    """The derived objects in the deploy repo, below the folders of clusters."""
    head = world.pull()
    assert head is not None
    paths = world.agents.entries(head, ("clusters",))
    return sorted(path.partition("/apps/")[2] for path in paths if "networkpolicy-connect" in path)


async def test_what_an_intent_opens_ships_with_the_units_and_leaves_with_them(
    world: World,
) -> None:
    world.found(small_fleet(CLUSTERS))
    world.ada.push(APP, "main", app(""), "The shop")
    await world.settle()
    await world.finish()
    before = world.agents.entries(str(world.pull()), ("clusters",))

    world.ada.push(APP, "call", app(), "Cart calls payment")
    number = world.ada.open(APP, "call", "Cart calls payment")
    await world.settle()
    assert "### Connections\n\n- new: `cart` may call `payment` on `one`" in world.home(number)
    assert '  c0["cart"]\n  c1["payment"]\n  c0 --> c1\n' in world.home(number)

    world.ada.merge(APP, number)
    await world.settle()
    await world.finish()
    assert derived(world) == ["shop/storefront/payment/networkpolicy-connect-to-payment.yaml"]
    assert world.merged()[-1] == "all.1"
    plan = world.context.store.views.load(PLANS, "storefront")
    assert plan is not None
    assert plan.connections == ("cart may call payment on one",)
    page = (await world.client.get("/rollouts/storefront/plan")).text
    assert "<li><code>cart</code> may call <code>payment</code> on <code>one</code></li>" in page
    assert 'aria-label="Who may call whom; dotted arrows cross' in page

    world.ada.push(APP, "main", app(""), "Cart calls nobody")
    await world.settle()
    await world.finish()
    assert world.agents.entries(str(world.pull()), ("clusters",)) == before


async def test_a_rollback_takes_back_what_an_intent_opened(world: World) -> None:
    back = "rollout: {onFailure: rollback}\n"
    world.found(small_fleet(CLUSTERS))
    world.ada.push(APP, "main", app("", back), "The shop")
    await world.settle()
    await world.finish()
    before = world.agents.entries(str(world.pull()), ("clusters",))

    changed = app(CALL, back)
    cart = changed["deploy/cart/deployment.yaml"].replace(b":1.0.0", b":2.0.0")
    changed["deploy/cart/deployment.yaml"] = cart
    world.ada.push(APP, "main", changed, "Cart calls payment, and fails")
    world.behave("one", failing=frozenset({"cart"}))
    await world.settle()
    for _ in range(3):
        await world.advance(5)
    assert derived(world) == []
    world.behave("one", failing=frozenset())
    await world.finish()

    assert world.merged() == ["all.1", "all.1", "all.2", "rollback.2"]
    assert world.agents.entries(str(world.pull()), ("clusters",)) == before


def registered(name: str, tenant: str) -> dict[str, bytes]:
    """An application in a folder of the app repo, and its tenant, which has no set-up."""
    registration = (
        f"{HEAD}Registration\nmetadata: {{name: {name}}}\nspec: {{application: {name}, "
        f"tenant: {tenant}, app: 'local:{APP}', deploy: 'local:{DEPLOY}', path: {name}}}\n"
    )
    document = f"{HEAD}Tenant\nmetadata: {{name: {tenant}}}\nspec: {{namespace: {tenant}}}\n"
    return {
        f"applications/{name}.yaml": registration.encode(),
        f"tenants/{tenant}.yaml": document.encode(),
    }


def single(name: str, tenant: str, component: str, connectivity: str) -> dict[str, bytes]:
    """An application of one component on one cluster."""
    text = (
        f"{HEAD}Application\nmetadata: {{name: {name}}}\nspec:\n  tenant: {tenant}\n  components: "
        f"[{{name: {component}, source: {{manifests: deploy}}}}]\n  placement: [{{components: "
        f"[{component}], allOf: [{{names: [one]}}]}}]\n  connectivity: [{connectivity}]\n"
    )
    return {
        f"{name}/switchyard.yaml": text.encode(),
        f"{name}/deploy/deployment.yaml": deployment(component).encode(),
        f"{name}/deploy/service.yaml": service(component).encode(),
    }


async def test_between_tenants_both_must_declare_a_pair(world: World) -> None:
    fleet = small_fleet(CLUSTERS)
    del fleet["applications/storefront.yaml"]
    world.found({**fleet, **registered("till", "sales"), **registered("bank", "money")})
    theirs = "{from: {application: till, component: cart}, to: {component: payment}}"
    ours = "{from: {component: cart}, to: {application: bank, component: payment}}"
    world.ada.push(APP, "main", single("bank", "money", "payment", theirs), "The bank")
    world.ada.push(APP, "main", single("till", "sales", "cart", ""), "The till")
    await all_done(world)
    assert derived(world) == []

    world.ada.push(APP, "main", single("till", "sales", "cart", ours), "The till calls the bank")
    await all_done(world)

    (path,) = derived(world)
    assert path == "money/bank/payment/networkpolicy-connect-to-payment.yaml"
    content = world.agents.files(str(world.pull()), f"clusters/one/apps/{path.rpartition('/')[0]}")
    policy = content[path.rpartition("/")[2]].decode()
    assert "kubernetes.io/metadata.name: sales" in policy
    assert "switchyard.dev/connectivity: till/cart to payment" in policy

    world.ada.push(APP, "main", single("till", "sales", "cart", ""), "The till calls nobody")
    await all_done(world)
    assert derived(world) == []


async def all_done(world: World) -> None:
    """Everything that is declared is merged, of every application."""
    for _ in range(3):
        await world.settle()
        await world.sweep()
    await world.settle()
