"""What is wrong on every cluster is said once, with a few names: a fleet has thousands."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from bot.engine.propose import propose
from planners.model import Dependency, DependencyScope, PlacementIntent
from planners.model.selectors import Selector
from planners.model.snapshot import Snapshot
from tests.fakes.builders import application, clusters, component, deployment, snapshot

FLEET = clusters(40)
EVERYWHERE = (Selector(),)


def apart() -> Snapshot:
    """Cart needs redis on the same cluster, and redis is placed on one."""
    cart = component("cart", Dependency("redis", on=DependencyScope.SAME_CLUSTER))
    app = application(component("redis"), cart)
    placements = (
        PlacementIntent(("redis",), all_of=(Selector({"canary": "true"}),)),
        PlacementIntent(("cart",), all_of=EVERYWHERE),
    )
    return snapshot(replace(app, placements=placements), FLEET)


def with_sources(**files: bytes) -> Snapshot:
    """Two components on all clusters."""
    found = snapshot(application(component("redis"), component("cart")), FLEET)
    sources: Mapping[str, Mapping[str, bytes]] = {
        name: {"main.yaml": content} for name, content in files.items()
    }
    return replace(found, sources=sources)


@pytest.mark.parametrize(
    ("world", "told"),
    [
        (apart(), "redis is not placed on c10, c11, c12 and 36 more: place it there too"),
        (
            with_sources(redis=deployment("same"), cart=deployment("same")),
            "[on c1, c10, c11 and 37 more]",
        ),
        (
            with_sources(
                redis=deployment("redis"),
                cart=deployment("cart").replace(b"containers", b"container"),
            ),
            "[on c1, c10, c11 and 37 more]",
        ),
    ],
    ids=["a dependency elsewhere", "two owners", "an unknown field"],
)
def test_a_message_lists_a_few_clusters(world: Snapshot, told: str) -> None:
    messages = [each.message for each in propose(world).problems]

    assert any(told in each for each in messages), messages
    assert max(map(len, messages)) < 300
