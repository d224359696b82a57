"""One trace for each rollout, whoever carries it."""

from dataclasses import replace

from bot.sandbox.demo.site import APP
from bot.tracing import Span, Traces, trace_id
from tests.fakes.world import World, small_app, small_fleet


class Sent(list[Span]):
    """A sink that keeps spans."""

    def send(self, span: Span) -> None:
        self.append(span)

    def close(self) -> None:
        """Nothing is left."""

    def named(self, name: str) -> list[Span]:
        return [each for each in self if each.name == name]


async def test_a_rollout_is_one_trace_of_waves_passes_and_effects(world: World) -> None:
    sent = Sent()
    world.context = replace(world.context, traces=Traces(sent))
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.finish()
    await world.sweep()

    (whole,) = sent.named("rollout")
    revision = world.view().revision
    assert {f"{each.trace:032x}" for each in sent} == {trace_id("storefront", revision)}
    assert len({each.id for each in sent}) == len(sent)
    assert whole.attributes["switchyard.outcome"] == "done"
    waves = sent.named("wave")
    assert {each.parent for each in waves} == {whole.id}
    assert [each.attributes["switchyard.wave"] for each in waves] == [
        *("canary.1", "canary.2", "canary.3"),
        *("rest.1", "rest.2", "rest.3"),
    ]
    for each in waves:
        ((_, merged),) = each.events
        assert whole.start <= each.start <= merged <= each.end <= whole.end
    passes = {each.id for each in sent.named("pass")}
    assert {each.parent for each in sent.named("pass")} == {whole.id}
    assert len(sent.named("merge")) == len(sent.named("open_merge_request")) == 6
    assert {each.parent for each in sent.named("merge")} <= passes
    before = len(sent)
    await world.advance(600)
    assert len(sent) == before, "a rollout that is done leaves no more spans"


async def test_a_revision_that_is_replaced_ends_its_trace(world: World) -> None:
    sent = Sent()
    world.context = replace(world.context, traces=Traces(sent))
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    first = world.view().revision
    world.ada.push(APP, "main", small_app(web="2.0.0"), "Next")
    await world.settle()

    (whole,) = sent.named("rollout")
    assert f"{whole.trace:032x}" == trace_id("storefront", first)
    assert whole.attributes["switchyard.outcome"] == "replaced"
