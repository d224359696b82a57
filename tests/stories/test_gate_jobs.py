"""Jobs as gates of removals and rollbacks: delivered before them, waited for, and removed again."""

import re

from bot.sandbox.demo.site import APP
from tests.fakes.world import World, small_fleet
from tests.stories.test_gates import JOB, files, gates

DRAIN = "name: drain, phase: before, on: [removal], job: {manifests: jobs/drain}"
JOBS: dict[str, bytes | None] = {
    f"jobs/{name}/job.yaml": JOB.replace(b"migrate", name.encode())
    for name in ("drain", "early", "late")
}
BACK = "    onFailure: rollback\n"


def without_web(document: bytes) -> bytes:
    return (
        document.replace(b"    - name: web\n", b"")
        .replace(
            b"      source: {manifests: deploy/web}\n"
            b"      dependsOn: [{component: cart, on: allClusters}]\n",
            b"",
        )
        .replace(b"[redis, cart, web]", b"[redis, cart]")
    )


def job(world: World, gate: str = "drain") -> str:
    """The name of the Job that is merged on the cluster; empty if none is."""
    head = world.pull()
    assert head is not None
    found = world.agents.files(head, f"clusters/one/apps/shop/storefront/{gate}")
    text = b"".join(found.values()).decode()
    named = re.search(r"name: ([a-z]+-[0-9a-f]{8})\n", text)
    return named[1] if named else ""


async def start(world: World, document: bytes) -> int:
    world.found(small_fleet(("one",)))
    world.ada.push(APP, "main", {**files(document), **JOBS}, "Open the shop")
    await world.finish()
    assert not job(world), "it is not delivered with an installation"
    return len(world.merged())


async def later(world: World, times: int = 4) -> None:
    for _ in range(times):
        await world.advance(10)


async def test_a_job_runs_before_a_removal_which_waits_for_it(world: World) -> None:
    document = gates(DRAIN)
    first = await start(world, document)
    world.behave("one", failing=frozenset({"drain"}))

    world.ada.push(APP, "main", {**files(without_web(document)), **JOBS}, "Remove web")
    await world.settle()
    await later(world)
    assert world.merged()[first:] == ["before-remove.1"]
    name = job(world)
    assert name.startswith("drain-")
    assert "drain failed" in " ".join(world.reasons("remove.1"))
    assert world.deployed("one", "web")

    world.behave("one", failing=frozenset())
    await later(world)
    await world.finish()
    assert world.merged()[first:][:2] == ["before-remove.1", "remove.1"]
    assert len(world.merged()[first:]) == 3, "the Job goes in the end"
    assert not job(world)
    assert world.view().done


async def test_a_lost_database_finds_the_job_before_a_removal_and_a_person_may_skip_it(
    world: World,
) -> None:
    document = gates(DRAIN)
    first = await start(world, document)
    world.behave("one", failing=frozenset({"drain"}))

    world.ada.push(APP, "less", {**files(without_web(document)), **JOBS}, "Remove web")
    number = world.ada.open(APP, "less", "Remove web")
    await world.settle()
    world.ada.merge(APP, number)
    await world.settle()
    await world.lose_database()
    for applied in world.clusters["one"].applied.values():
        applied.last_report = ("", "")
    await world.sweep()
    await later(world)
    assert world.merged()[first:] == ["before-remove.1"], "once"

    world.otto.comment(APP, number, "/switchyard override drain remove.1 --reason drained")
    await world.settle()
    await world.settle()
    await later(world)
    assert world.merged()[first:][:2] == ["before-remove.1", "remove.1"]


async def test_jobs_hold_a_rollback_before_it_and_after_it(world: World) -> None:
    lines = (
        f"name: {name}, phase: {phase}, on: [rollback], job: {{manifests: jobs/{name}}}"
        for name, phase in (("early", "before"), ("late", "after"))
    )
    document = gates(*lines, extra=BACK)
    first = await start(world, document)
    world.behave("one", failing=frozenset({"redis", "early"}))

    world.ada.push(APP, "main", {**files(document, redis="2.0.0"), **JOBS}, "Update redis")
    await world.settle()
    await later(world)
    assert world.merged()[first:] == ["canary.1", "rollback-before.1"]
    assert job(world, "early").startswith("early-")
    assert ":2.0.0" in world.deployed("one", "redis")
    (reason,) = world.reasons("rollback.4")
    assert "early" in reason

    world.behave("one", failing=frozenset({"late"}))
    await later(world)
    assert world.merged()[first:][2:] == ["rollback.4", "rollback-after.1"]
    assert ":1.0.0" in world.deployed("one", "redis")
    assert not world.view().done, "the Job after it has failed"

    world.behave("one", failing=frozenset())
    await world.finish()
    assert world.view().headline.startswith("rolled back revision ")
    assert len(world.merged()[first:]) == 4
