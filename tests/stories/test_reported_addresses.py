"""E5: an address that is known only at run time comes with a report, and leads to a change.

EMCO, `src/dtc/pkg/service_discovery`: once the Service of a server has an address, the clients'
clusters get it.
"""

from bot.gather.facts import read_addresses, read_reported
from bot.sandbox.demo.site import APP, DEPLOY
from renderers import yaml
from tests.fakes.connectivity import service, shop
from tests.fakes.world import World, small_fleet
from tests.stories.test_facts import send
from tests.stories.test_status_documents import document, push

HEAD = "apiVersion: switchyard.dev/v1alpha1\nkind: "
CALL = "{from: {component: cart}, to: {component: payment}}"
BALANCED = ", type: LoadBalancer, externalTrafficPolicy: Local"
WAITS = "the change of cart on two waits until one reports the address of Service shop/payment"
SLICE = "endpointslice-connect-cart-to-payment-one-ipv4.yaml"
FOLDER = "clusters/two/apps/shop/storefront/cart"


def fleet(servers: tuple[str, ...] = ("one",)) -> dict[str, bytes | None]:
    files = small_fleet((*servers, "two"))
    for number, name in enumerate((*servers, "two")):
        text = (files[f"clusters/{name}.yaml"] or b"").decode()
        network = f"{{agent: flux, network: {{podRanges: [10.{number}.0.0/16]}}}}"
        files[f"clusters/{name}.yaml"] = text.replace("{agent: flux}", network).encode()
    tenant = (files["tenants/shop.yaml"] or b"").decode()
    kinds = "namespace: shop, kinds: {allowed: [EndpointSlice]}"
    files["tenants/shop.yaml"] = tenant.replace("namespace: shop", kinds).encode()
    return files


def app(
    connectivity: str = CALL, servers: tuple[str, ...] = ("one",), more: str = ""
) -> dict[str, bytes | None]:
    files = shop(connectivity, {"cart": ["two"], "payment": servers}, more)
    files["deploy/payment/service.yaml"] = service("payment", extra=BALANCED)
    text = files["switchyard.yaml"].replace("name: store}", "name: storefront}")
    return {path: each.encode() for path, each in {**files, "switchyard.yaml": text}.items()}


async def tell(world: World, cluster: str, *addresses: str) -> None:
    """The cluster reports the addresses of payment's load balancer."""
    value = {"at": world.now.isoformat(), "addresses": {"shop": {"payment": addresses}}}
    assert await send(world, cluster, value) == 202
    await world.settle()


async def pass_time(world: World) -> None:
    """Long enough for everything that is to happen by itself."""
    for _ in range(5):
        await world.advance(3)


def endpoints(world: World, file: str = SLICE) -> list[str]:
    """The addresses in an EndpointSlice that is merged for cart on cluster two."""
    head = world.pull()
    assert head is not None
    item = yaml.load_documents(world.agents.files(head, FOLDER)[file])[0].value
    assert isinstance(item, dict)
    assert isinstance(item["endpoints"], list)
    return [each["addresses"][0] for each in item["endpoints"]]


def files(world: World) -> dict[str, str]:
    return dict(world.agents.entries(str(world.pull()), ("clusters",)))


async def opened(world: World) -> None:
    """The shop without calls, everywhere and ready."""
    world.found(fleet())
    world.ada.push(APP, "main", app(""), "The shop")
    await world.settle()
    await world.finish()


async def test_e5_an_address_that_is_reported_leads_to_a_change_of_the_client(
    world: World,
) -> None:
    await opened(world)
    before, merged = files(world), world.merged()

    world.ada.push(APP, "main", app(), "Cart calls payment")
    await pass_time(world)

    assert world.merged() == [*merged, "all.1"]
    assert world.reasons("all.2") == [WAITS]
    assert not world.view().done
    assert world.otto.requests(DEPLOY, "open") == []

    await tell(world, "one", "192.0.2.10")
    await world.finish()

    assert world.merged() == [*merged, "all.1", "all.2"]
    assert endpoints(world) == ["192.0.2.10"]

    known = files(world)
    await world.advance(60)
    await tell(world, "one", "192.0.2.11")
    await world.finish()

    assert endpoints(world) == ["192.0.2.11"]
    assert [path for path, blob in files(world).items() if known.get(path) != blob] == [
        f"{FOLDER}/{SLICE}"
    ]

    world.ada.push(APP, "main", app(""), "Cart calls nobody")
    await world.settle()
    await world.finish()
    assert files(world) == before


async def forget(world: World) -> None:
    """The database is lost; clusters say again what runs there, but nothing of addresses."""
    await world.lose_database()
    for cluster in world.clusters.values():
        for applied in cluster.applied.values():
            applied.last_report = ("", "")
    await world.sweep()


async def test_what_is_merged_holds_without_reports(world: World) -> None:
    await opened(world)
    world.ada.push(APP, "main", app(), "Cart calls payment")
    await world.settle()
    await tell(world, "one", "192.0.2.10")
    await world.finish()
    before, merged = files(world), world.merged()

    await forget(world)
    await world.finish()
    assert files(world) == before

    value = {"at": world.now.isoformat(), "price": {"cpuHour": 0.1}, "addresses": {}}
    assert await send(world, "one", value) == 202
    await world.sweep()
    await pass_time(world)

    assert world.view().done
    assert (files(world), world.merged()) == (before, merged)


async def test_an_open_request_outlives_the_address_that_the_database_had(world: World) -> None:
    reviewed = "{approvals: [{clusters: {matchLabels: {review: 'true'}}, count: 1}]}"
    documents = fleet()
    where = documents["clusters/two.yaml"] or b""
    documents["clusters/two.yaml"] = where.replace(b"tier: edge", b"review: 'true'")
    documents["policies/default.yaml"] = (
        HEAD.encode() + (f"Policy\nmetadata: {{name: default}}\nspec: {reviewed}\n").encode()
    )
    world.found(documents)
    world.ada.push(APP, "main", app(), "Cart calls payment")
    await pass_time(world)
    await tell(world, "one", "192.0.2.10")
    await pass_time(world)
    (request,) = world.otto.requests(DEPLOY, "open")
    world.rita.approve(DEPLOY, request["number"])

    await forget(world)
    assert world.reasons("all.2") == [WAITS]
    assert [each["number"] for each in world.otto.requests(DEPLOY, "open")] == [request["number"]]
    assert "waits until one reports" in str(world.otto.statuses(DEPLOY, request["head"]))

    await tell(world, "one", "192.0.2.10")
    await world.finish()
    assert endpoints(world) == ["192.0.2.10"]
    assert len(world.otto.requests(DEPLOY, "all")) == 2


async def test_addresses_and_other_facts_are_kept_by_themselves(world: World) -> None:
    world.found(fleet())
    await world.settle()
    views, at = world.context.store.views, world.now.isoformat()
    assert await send(world, "one", {"at": at, "price": {"cpuHour": 0.1}}) == 202
    await world.advance(60)
    await tell(world, "one", "192.0.2.10")
    await world.advance(60)
    assert await send(world, "one", {"at": world.now.isoformat(), "carbon": 20}) == 202

    addresses = {"shop": {"payment": ("192.0.2.10",)}}
    assert read_addresses(views, ["one", "two"]) == {"one": addresses}
    measured = read_reported(views)["one"]
    assert (measured.price, measured.carbon, measured.addresses) == (None, 20, {})

    late = {"at": at, "addresses": {"shop": {"payment": ["192.0.2.9"]}}}
    assert await send(world, "one", late) == 202
    forged = {"at": world.now.isoformat(), "addresses": {"shop": {"payment": ["192.0.2.66"]}}}
    assert await send(world, "one", forged, key_of="two") == 401
    forged["addresses"] = {"shop": {"payment": ["169.254.169.254"]}}
    assert await send(world, "one", forged) == 422
    assert read_addresses(views, ["one", "two"]) == {"one": addresses}


async def test_an_address_that_comes_with_a_status_document_wakes_the_callers(
    world: World,
) -> None:
    await opened(world)
    world.ada.push(APP, "main", app(), "Cart calls payment")
    await pass_time(world)

    facts = {"at": world.now.isoformat(), "addresses": {"shop": {"payment": ["192.0.2.10"]}}}
    body = document(world, "one", 1, components=(), facts=facts)
    assert (await push(world, "one", body))[0] == 202
    await world.finish()

    assert endpoints(world) == ["192.0.2.10"]
