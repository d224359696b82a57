"""Clusters of a tenant trust each other's certification authorities; no key is ever in Git."""

import re
from datetime import timedelta

import pytest
from pydantic import ValidationError

from bot.documents.facts import FactsReport
from bot.sandbox.demo.site import FLEET
from tests.fakes.certificates import authority_pem
from tests.fakes.world import World, small_fleet
from tests.stories.test_facts import send
from tests.stories.test_tenants import TENANT, order

NAMES = ("one", "two", "three")


def fleet(members: tuple[str, ...], *issuers: str) -> dict[str, bytes | None]:
    """Three clusters, of which the tenant has `members`, with its issuers."""
    trust = ", ".join(f"{{name: {each}}}" for each in issuers)
    tenant = TENANT + f"  trust: {{issuers: [{trust}]}}\n".encode()
    files = {**small_fleet(NAMES), "tenants/shop.yaml": tenant}
    for name in members:
        text = files[f"clusters/{name}.yaml"] or b""
        files[f"clusters/{name}.yaml"] = text.replace(b"tier: edge", b"tier: edge, shop: 'true'")
    return files


async def report(world: World, cluster: str, *issuers: str) -> dict[str, str]:
    """The cluster reports its authorities, with new certificates; these by issuer."""
    until = world.now + timedelta(days=365)
    found = {each: authority_pem(f"{cluster} of {each}", until) for each in issuers}
    value = {"at": world.now.isoformat(), "authorities": {"shop": found}}
    assert await send(world, cluster, value) == 202
    return found


async def roll_out(world: World) -> None:
    """Everything that the tenant's set-up has to do now."""
    for _ in range(5):
        await world.sweep()
        await world.advance(5)


def deployed(world: World, cluster: str, component: str) -> bytes:
    """What is merged of a component of the set-up."""
    head = world.pull()
    assert head is not None
    folder = f"clusters/{cluster}/apps/shop/tenant-shop/{component}"
    return b"".join(world.agents.files(head, folder).values())


def trusted(world: World, cluster: str) -> set[str]:
    """Whose certificates a cluster trusts, as `cluster issuer`."""
    found = re.findall(r"# (\S+ \S+) until", deployed(world, cluster, "trust").decode())
    return set(found)


async def test_f2_distribution_waits_for_every_enrolment(world: World) -> None:
    world.found(fleet(("one", "two"), "root"))
    await roll_out(world)
    enrolled = deployed(world, "one", "authority")
    assert b"commonName: one" in enrolled
    assert b"isCA: true" in enrolled
    assert deployed(world, "three", "authority") == b""

    first = await report(world, "one", "root")
    await roll_out(world)
    assert trusted(world, "one") == set()

    second = await report(world, "two", "root")
    await roll_out(world)
    assert trusted(world, "one") == trusted(world, "two") == {"one root", "two root"}
    bundle = deployed(world, "two", "trust").decode()
    for pem in (*first.values(), *second.values()):
        assert all(line in bundle for line in pem.splitlines())
    assert b"secretName: switchyard-ca-root" in deployed(world, "one", "issuer")
    mine = [each for each in order(world) if each.startswith("tenant-shop/")]
    assert mine == [f"tenant-shop/all.{number}" for number in (1, 2, 3, 4)]

    world.otto.push(FLEET, "main", fleet(NAMES, "root"), "The shop gets cluster three")
    await world.settle()
    await roll_out(world)
    assert trusted(world, "one") == {"one root", "two root"}
    assert deployed(world, "three", "issuer") == b""
    await report(world, "three", "root")
    await roll_out(world)
    everyone = {f"{each} root" for each in NAMES}
    assert [trusted(world, each) for each in NAMES] == [everyone] * 3
    assert deployed(world, "three", "issuer") == deployed(world, "one", "issuer")


async def test_a_root_is_replaced_in_three_steps_and_trust_is_only_added(world: World) -> None:
    members = ("one", "two")
    world.found(fleet(members, "old"))
    await roll_out(world)
    for each in members:
        await report(world, each, "old")
    await roll_out(world)
    assert b"switchyard-ca-old" in deployed(world, "one", "issuer")

    world.otto.push(FLEET, "main", fleet(members, "new", "old"), "A new root")
    await world.settle()
    await roll_out(world)
    assert deployed(world, "one", "authority").count(b"isCA: true") == 2
    await report(world, "one", "new", "old")
    await roll_out(world)
    assert b"switchyard-ca-old" in deployed(world, "one", "issuer")

    world.otto.push(FLEET, "main", fleet(members, "new"), "Too soon")
    await world.settle()
    await roll_out(world)
    assert "one old" in trusted(world, "one")
    world.otto.push(FLEET, "main", fleet(members, "new", "old"), "Not yet")
    await world.settle()

    await report(world, "two", "new", "old")
    await roll_out(world)
    assert {"one new", "two new", "one old", "two old"} <= trusted(world, "one")
    assert b"switchyard-ca-new" in deployed(world, "one", "issuer")

    world.otto.push(FLEET, "main", fleet(members, "new"), "The old root is gone")
    await world.settle()
    await roll_out(world)
    assert trusted(world, "two") == {"one new", "two new"}


async def test_a_lost_database_takes_no_trust_away(world: World) -> None:
    world.found(fleet(("one", "two"), "root"))
    await roll_out(world)
    for each in ("one", "two"):
        await report(world, each, "root")
    await roll_out(world)
    before = deployed(world, "one", "trust"), deployed(world, "one", "issuer")

    await world.lose_database()
    await roll_out(world)

    assert (deployed(world, "one", "trust"), deployed(world, "one", "issuer")) == before
    assert all(before)


async def test_what_is_no_authority_is_refused_and_not_repeated(world: World) -> None:
    world.found(fleet(("one", "two"), "root"))
    await world.settle()
    later = world.now + timedelta(days=9)
    leaf = authority_pem("leaf", later, is_authority=False)
    key = "-----BEGIN EC PRIVATE KEY-----\nc2VjcmV0\n-----END EC PRIVATE KEY-----\n"

    with pytest.raises(ValidationError) as refused:
        FactsReport.model_validate(
            {"at": world.now.isoformat(), "authorities": {"shop": {"root": key}}}
        )
    assert "a private key" in str(refused.value)
    assert "c2VjcmV0" not in str(refused.value)
    for wrong in (leaf, key, authority_pem("a", later) + key, "x", authority_pem("a", later) * 2):
        value = {"at": world.now.isoformat(), "authorities": {"shop": {"root": wrong}}}
        assert await send(world, "one", value) == 422
    assert world.context.store.views.list("facts/") == []
