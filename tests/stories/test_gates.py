"""Gates that teams declare: they block for real, before and after each kind of change, in order."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot.sandbox.demo.site import APP, DEPLOY
from bot.sandbox.forge import conversation
from tests.fakes.receiver import ADDRESS, HOST, SECRET, Receiver
from tests.fakes.world import SWITCHYARD, World, small_app, small_fleet

ALLOWED = f'{{gateServers: [{{at: "{ADDRESS}"}}]}}'
EVERY = "[install, update, rollback, removal]"
ASK = f'webhook: {{url: "{ADDRESS}/hook"}}'


def gates(*lines: str, extra: str = "") -> bytes:
    """The small application with gates; one cluster a stage is enough."""
    text = "".join(f"      - {{{each}}}\n" for each in lines)
    return SWITCHYARD.replace(b"  rollout:\n", f"  rollout:\n    gates:\n{text}{extra}".encode())


def files(document: bytes, **images: str) -> dict[str, bytes | None]:
    return {**small_app(**images), "switchyard.yaml": document}


async def opened(
    world: World,
    fleet: Mapping[str, bytes | None],
    app: Mapping[str, bytes | None],
    receiver: Receiver | None = None,
) -> Receiver:
    """A receiver is there, the fleet is described, and the application is pushed."""
    receiver = receiver or Receiver(lambda: world.now)
    world.outbound = receiver.outbound
    world.known["gate_keys"] = {HOST: SECRET}
    await world.stop_bot()
    world.start_bot()
    world.found(fleet)
    world.ada.push(APP, "main", app, "Open the shop")
    await world.settle()
    return receiver


async def pass_gate(world: World, receiver: Receiver, gate: str, wave: str) -> None:
    """Until this is posted the wave's place in the order holds."""
    assert await receiver.post(world.client, receiver.newest(gate, wave), "passed") == 202
    await world.settle()
    await world.advance(3)
    await world.advance(3)


async def test_g1_gates_block_before_and_after_install_update_and_removal_in_order(
    world: World,
) -> None:
    both = [
        f"name: {phase}-all, phase: {phase}, on: {EVERY}, {ASK}" for phase in ("before", "after")
    ]
    document = gates(*both)
    receiver = await opened(world, small_fleet(("one",), ALLOWED), files(document))
    order = ["canary.1", "canary.2", "canary.3"]

    for number, wave in enumerate(order):
        assert world.merged() == order[:number], "the gate before it holds"
        assert receiver.waves("before-all")[-1] == (wave, ["install"])
        await pass_gate(world, receiver, "before-all", wave)
        assert world.merged() == order[: number + 1]
        assert receiver.waves("after-all")[-1] == (wave, ["install"])
        await world.advance(60)
        assert world.merged() == order[: number + 1], "the gate after it holds the next one"
        await pass_gate(world, receiver, "after-all", wave)
    assert world.view().done

    world.ada.push(APP, "main", files(document, redis="2.0.0"), "Update redis")
    await world.settle()
    assert receiver.waves("before-all")[-1] == ("canary.1", ["update"])
    await world.advance(60)
    assert world.merged() == order
    await pass_gate(world, receiver, "before-all", "canary.1")
    assert world.merged() == [*order, "canary.1"]
    assert not world.view().done
    await pass_gate(world, receiver, "after-all", "canary.1")
    assert world.view().done

    without = (
        document.replace(b"    - name: web\n", b"")
        .replace(
            b"      source: {manifests: deploy/web}\n"
            b"      dependsOn: [{component: cart, on: allClusters}]\n",
            b"",
        )
        .replace(b"[redis, cart, web]", b"[redis, cart]")
    )
    world.ada.push(APP, "main", files(without, redis="2.0.0"), "Remove web")
    await world.settle()
    await world.advance(3)
    (asked,) = [each for each in receiver.waves("before-all") if each[1] == ["removal"]]
    removal = asked[0]
    await world.advance(60)
    assert removal not in world.merged()
    await pass_gate(world, receiver, "before-all", removal)
    assert world.merged()[-1] == removal
    assert receiver.waves("after-all")[-1] == (removal, ["removal"])


async def test_a_failed_gate_after_a_wave_leads_back_and_a_late_result_does_not_help(
    world: World,
) -> None:
    gate = f"name: smoke, phase: after, on: [update], timeout: 10m, onTimeout: fail, {ASK}"
    back = f"name: back, phase: before, on: [rollback], {ASK}"
    document = gates(gate, back, extra="    onFailure: rollback\n")
    receiver = await opened(world, small_fleet(("one",), ALLOWED), files(document))
    await world.finish()
    first = len(world.merged())
    assert receiver.asked == [], "an installation is none of its business"

    world.ada.push(APP, "main", files(document, redis="2.0.0"), "Update redis")
    await world.settle()
    await world.advance(3)
    assert receiver.waves("smoke") == [("canary.1", ["update"])]
    await world.advance(9 * 60)
    assert world.merged()[first:] == ["canary.1"]

    await world.advance(70)
    assert receiver.waves("back") == [("rollback.4", ["rollback"])]
    await world.advance(60)
    assert world.merged()[first:] == ["canary.1"], "gates hold a rollback too"
    await pass_gate(world, receiver, "back", "rollback.4")
    assert world.merged()[first:] == ["canary.1", "rollback.4"]
    question = receiver.newest("smoke", "canary.1")
    assert await receiver.post(world.client, question, "passed") == 202
    await world.finish()
    assert ":1.0.0" in world.deployed("one", "redis")
    assert world.view().headline.startswith("rolled back revision ")


async def test_a_lost_database_asks_the_same_question_and_new_content_another_one(
    world: World,
) -> None:
    document = gates(f"name: board, phase: before, on: [install, update], {ASK}")
    receiver = await opened(world, small_fleet(("one",), ALLOWED), files(document))
    before = receiver.newest("board", "canary.1")

    await world.lose_database()
    assert await receiver.post(world.client, before, "passed") == 404
    await world.sweep()
    again = receiver.newest("board", "canary.1")
    assert (len(receiver.asked), again["id"]) == (2, before["id"])

    world.ada.push(APP, "main", files(document, redis="2.0.0"), "Change redis")
    await world.settle()
    other = receiver.newest("board", "canary.1")
    assert other["id"] != before["id"]
    assert other["digest"] != before["digest"]
    assert await receiver.post(world.client, before, "passed") == 202
    await world.settle()
    assert world.merged() == [], "a result for content that is gone opens nothing"
    await pass_gate(world, receiver, "board", "canary.1")
    assert world.merged()[0] == "canary.1"


async def test_results_are_signed_fresh_final_and_for_a_question_that_was_asked(
    world: World,
) -> None:
    document = gates(f"name: board, phase: before, {ASK}")
    receiver = await opened(world, small_fleet(("one",), ALLOWED), files(document))
    question = receiver.newest("board", "canary.1")

    async def post(state: str, **how: Any) -> int:
        return await receiver.post(world.client, question, state, **how)

    assert await post("passed", secret="secret-of-a-stranger") == 401
    assert await post("passed", at=world.now - timedelta(minutes=6)) == 401
    assert await post("passed", at=world.now + timedelta(minutes=6)) == 401
    assert await post("perhaps") == 422
    unknown = {**question, "id": "storefront.ff", "callback": "http://x/gates/storefront.ff"}
    assert await receiver.post(world.client, unknown, "passed") == 404
    await world.settle()
    assert world.merged() == []

    assert await post("running", message="waits for the board") == 202
    await world.settle()
    (reason,) = world.reasons("canary.1")
    assert reason == "waits for gate board: waits for the board"
    assert await post("failed", message="not today", url="https://checks.example.com/7") == 202
    assert await post("failed", message="not today") == 202
    assert await post("passed") == 409
    assert await post("running", message="once more") == 202
    await world.settle()
    (reason,) = world.reasons("canary.1")
    assert reason == "gate board failed: not today (https://checks.example.com/7)"
    assert world.merged() == []


async def test_a_receiver_that_is_away_is_asked_until_it_takes_the_question(world: World) -> None:
    document = gates(f"name: board, phase: before, timeout: 1h, {ASK}")
    receiver = Receiver(lambda: world.now, status=500)
    await opened(world, small_fleet(("one",), ALLOWED), files(document), receiver)
    assert "the server answered with status 500, not 202" in world.reasons("canary.1")[0]

    receiver.status = 302
    await world.advance(31)
    assert "status 302" in world.reasons("canary.1")[0]
    receiver.status = 202
    await world.advance(61)
    assert len(receiver.asked) == 1
    await world.advance(10 * 60)
    assert len(receiver.asked) == 2, "it is reminded"
    await world.advance(50 * 60)
    assert world.reasons("canary.1") == ["gate board is overdue: asked; no result yet"]
    await pass_gate(world, receiver, "board", "canary.1")
    assert world.merged()[0] == "canary.1", "onTimeout: hold goes on waiting"


async def test_gates_are_opened_and_asked_anew_by_name(world: World) -> None:
    lines = [f"name: {name}, phase: before, {ASK}" for name in ("board", "smoke")]
    document = gates(*lines)
    receiver = await opened(world, small_fleet(("one",), ALLOWED), {"README.md": b"soon"})
    world.ada.push(APP, "open", files(document), "Open the shop")
    number = world.ada.open(APP, "open", "Open the shop")
    await world.settle()
    world.ada.merge(APP, number)
    await world.settle()
    first = receiver.newest("board", "canary.1")
    assert await receiver.post(world.client, first, "failed") == 202
    await world.settle()
    world.otto.comment(APP, number, "/switchyard retry board")
    await world.settle()
    second = receiver.newest("board", "canary.1")
    assert second["id"] != first["id"]

    world.otto.comment(APP, number, '/switchyard override board --reason "the board is on leave"')
    await world.settle()
    assert world.merged() == []
    assert world.reasons("canary.1") == ["waits for gate smoke: asked; no result yet"]
    await pass_gate(world, receiver, "smoke", "canary.1")
    assert world.merged() == ["canary.1"]


async def test_a_check_of_the_forge_counts_as_it_is_when_the_wave_merges(world: World) -> None:
    document = gates("name: tests, phase: before, commitCheck: {check: tests}")
    platform = '{gates: [{name: main, phase: after, commitCheck: {check: "*"}}]}'
    await opened(world, small_fleet(("one",), platform), files(document))
    head = world.rita.requests(DEPLOY)[0]["head"]

    def report(commit: str, name: str, state: str) -> None:
        told = {"context": name, "state": state, "description": "", "url": ""}
        conversation.set_status(world.forge, world.forge.users["rita"], DEPLOY, commit, told)

    assert world.reasons("canary.1") == [
        "waits for gate tests: tests is not reported on the commit"
    ]
    report(head, "tests", "failure")
    await world.advance(61)
    assert world.reasons("canary.1") == ["gate tests failed: tests failed"]
    report(head, "tests", "success")
    await world.advance(61)
    assert world.merged() == ["canary.1"]

    await world.advance(3)
    assert "any check is not reported" in world.reasons("canary.2")[-2]
    merged = world.rita.requests(DEPLOY, "merged")[0]["merge_sha"]
    report(merged, "deployed", "success")
    await world.advance(61)
    assert not any("gate main" in each for each in world.reasons("canary.2"))


async def test_a_metric_without_data_waits_and_a_bad_one_after_a_wave_fails(world: World) -> None:
    metric = (
        f'metric: {{prometheus: "{ADDRESS}", query: errors, condition: "< 0.01", samples: 2, '
        f"interval: 30s, tolerance: 1}}"
    )
    document = gates(
        f"name: quiet, phase: before, {metric}", f"name: errors, phase: after, {metric}"
    )
    receiver = Receiver(lambda: world.now, values=["NaN", None, "+Inf", "0.5", "0.001", "0"])
    await opened(world, small_fleet(("one",), ALLOWED), files(document), receiver)
    for _ in range(2):
        assert "0 of 2 samples: the query has no data" in world.reasons("canary.1")[0]
        await world.advance(31)
    assert world.merged() == []
    await world.advance(31)
    assert "1 of 2 samples: the last value is 0.5, wanted < 0.01" in world.reasons("canary.1")[0]
    receiver.values += ["7", "7", "7"]
    await world.advance(31)
    assert world.merged() == ["canary.1"], "one of the samples may miss it"
    receiver.queries = 6
    for _ in range(4):
        await world.advance(31)
    (reason,) = world.reasons("canary.1")
    assert reason == (
        "gate errors after canary.1 failed: 2 of 2 samples missed it: the last value is 7, wanted "
        "< 0.01"
    )
    assert world.merged() == ["canary.1"]


JOB = b"""apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec:
  backoffLimit: 2
  template:
    spec:
      restartPolicy: Never
      containers:
        - {name: migrate, image: "registry.example.com/migrate:1.0.0"}
"""


async def test_a_job_runs_in_a_wave_of_its_own_and_again_for_other_content(world: World) -> None:
    document = gates(
        "name: migrate, phase: before, job: {manifests: jobs/migrate}",
        "name: smoke, phase: after, stages: [canary], job: {manifests: jobs/smoke}",
    )
    jobs: dict[str, bytes | None] = {
        "jobs/migrate/job.yaml": JOB,
        "jobs/smoke/job.yaml": JOB.replace(b"migrate", b"smoke"),
    }
    world.found(small_fleet(("one", "two")))
    world.behave("one", failing=frozenset({"smoke"}))
    world.ada.push(APP, "main", {**files(document), **jobs}, "Open the shop")
    await world.settle()

    def job(cluster: str, gate: str) -> str:
        folder = f"clusters/{cluster}/apps/shop/storefront/{gate}"
        head = world.pull()
        assert head is not None
        return world.agents.files(head, folder)[f"job-{gate}.yaml"].decode()

    assert world.merged() == ["canary.1"], "the Job, before what waits for it"
    name = re.search(r"name: (migrate-[0-9a-f]{8})\n", job("one", "migrate"))
    for _ in range(6):
        await world.advance(3)
    assert world.merged() == [f"canary.{number}" for number in range(1, 6)]
    assert "waits for canary to be ready: one (smoke failed" in world.reasons("rest.1")[0]

    world.behave("one", failing=frozenset())
    await world.finish()
    assert world.merged()[5:] == [f"rest.{number}" for number in range(1, 5)], "no smoke test there"

    world.ada.push(APP, "main", {**files(document, redis="2.0.0"), **jobs}, "Update redis")
    await world.settle()
    assert world.merged()[9:] == ["canary.1"]
    again = re.search(r"name: (migrate-[0-9a-f]{8})\n", job("one", "migrate"))
    assert name is not None
    assert again is not None
    assert name[1] != again[1]
    await world.finish()
    assert world.merged()[9:] == ["canary.1", "canary.2", "canary.5", "rest.1", "rest.2"]
