"""Planning inputs arrive in the planner process as they were."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from bot.engine.packed_input import pack_input, unpack_input
from planners.inputs import planning_input
from planners.model import Cluster
from planners.model.snapshot import ResourceClaim
from tests.fakes.builders import snapshot

AT = datetime(2026, 11, 20, tzinfo=UTC)
FLEET = tuple(Cluster(f"c{n}", "flux", {"n": str(n)}) for n in range(20))


@dataclass(frozen=True, slots=True)
class Own:
    """An object with a field that is not an argument."""

    value: int
    twice: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "twice", 2 * self.value)


def test_an_input_arrives_as_it_was() -> None:
    claims = tuple(ResourceClaim("a", "web", (f"c{n}",), {"cpu": n}, AT) for n in range(20))
    planned = planning_input(replace(snapshot(fleet=FLEET), claims=claims))
    arrived = unpack_input(pack_input(planned))
    assert arrived == planned
    assert repr(arrived) == repr(planned)


def test_any_dataclass_arrives() -> None:
    assert unpack_input(pack_input(Own(3))) == Own(3)  # type: ignore[arg-type, comparison-overlap]


def test_equal_objects_that_are_one_stay_one() -> None:
    shared = {"cpu": 1}
    claims = tuple(ResourceClaim("a", "web", (f"c{n}",), shared, AT) for n in range(2))
    one, other = unpack_input(pack_input(replace(snapshot(), claims=claims))).claims
    assert one.requests is other.requests
