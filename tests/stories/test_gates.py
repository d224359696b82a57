"""Gates that teams declare: they block for real, before and after each kind of change, in order."""

from collections.abc import Mapping

from bot.sandbox.demo.site import APP
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
    world: World, fleet: Mapping[str, bytes | None], app: Mapping[str, bytes | None]
) -> Receiver:
    """A receiver is there, the fleet is described, and the application is pushed."""
    receiver = Receiver(lambda: world.now)
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
