"""What is kept between passes is bounded by its size, so that the size must be told truly."""

import gc
import sys
from collections.abc import Iterable, Iterator
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType

from tests.fakes.world import APP, World, manifest, small_app, small_fleet

CODE = (type, ModuleType, FunctionType, BuiltinFunctionType, CodeType, MethodType)


def reached(roots: Iterable[object]) -> Iterator[object]:
    """All objects that these have, without code."""
    left, seen = list(roots), set[int]()
    while left:
        each = left.pop()
        if id(each) not in seen and not isinstance(each, CODE):
            seen.add(id(each))
            yield each
            left.extend(gc.get_referents(each))


async def test_sizes_of_kept_results_are_nearly_true(world: World) -> None:
    """Told too small, they let memory grow for weeks; too large, results are made again."""
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "First")
    await world.settle()
    for number in range(3):
        image = {"deploy/web/deployment.yaml": manifest("web", f"1.{number}.1")}
        world.ada.push(APP, "main", image, "New images")
        await world.settle()
    results = world.context.results
    kept = [(key, value) for key, (value, _) in results._kept.items()]

    real = sum(map(sys.getsizeof, reached(kept)))

    assert len(kept) > 8
    assert real / 2 <= results.size <= real * 3
