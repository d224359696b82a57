"""An error of the program is confined to its object, told of with its place, and without values."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from bot.engine import discovery
from bot.engine.plans import log_defects
from bot.engine.propose import draft, propose
from planners.inputs import planning_input
from planners.model import Json
from planners.model.snapshot import Snapshot
from renderers.defects import Defect, confined
from renderers.kubernetes.schemas import CustomKinds, SchemaViolation
from renderers.render import Rendered, render
from renderers.variants import Variants
from tests.fakes.folders import application, cluster, registration, snapshot_of, tenant

SECRET = "hunter2"


class Broken:
    """Schemas whose rule for ConfigMaps has a mistake."""

    def violations(
        self,
        item: Mapping[str, Json],
        version: str | None,  # noqa: ARG002 - the Protocol's arguments
        custom: CustomKinds,  # noqa: ARG002 - as above
    ) -> tuple[SchemaViolation, ...]:
        if item["kind"] == "ConfigMap":
            raise KeyError(SECRET)
        return (SchemaViolation(("spec",), "is odd"),)


def snapshot(folder: Path) -> Snapshot:
    """An application with a ConfigMap and a Service."""
    files = {
        "web/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
        "web/b.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: b}\nspec: {}\n",
    }
    spec = (
        "components: [{name: web, source: {manifests: web}}]\n"
        "placement: [{components: [web], allOf: [{}]}]"
    )
    fleet = {**cluster("edge-1"), **cluster("edge-2"), **tenant(), **registration()}
    return snapshot_of(folder, {**application(spec), **files}, fleet)


def rendered(folder: Path) -> Rendered:
    """What is rendered of it with these schemas."""
    given = snapshot(folder)
    variants = Variants(given, discovery.sources(), discovery.patches())
    carriers = discovery.carriers().values()
    return render(propose(given).plan, variants, discovery.agents(), Broken(), carriers)


def test_the_object_has_a_problem_and_the_others_are_checked(tmp_path: Path) -> None:
    found = rendered(tmp_path)

    first, second = (str(each) for each in found.problems)
    assert first.startswith(
        "web/a.yaml:1:1: web: ConfigMap/a: could not be checked: internal error"
    )
    assert "internal error KeyError in renderers/test_defects.py:" in first
    assert first.endswith(" [on edge-1, edge-2]")
    assert second.startswith("web/b.yaml:4:1: web: Service/b: spec is odd")
    assert SECRET not in str(found)


def test_the_frames_are_logged_without_values(tmp_path: Path) -> None:
    drafted = draft(planning_input(snapshot(tmp_path)))

    with structlog.testing.capture_logs() as logs:
        log_defects(replace(drafted, defects=rendered(tmp_path).defects))

    (line,) = logs
    assert (line["log_level"], line["application"], line["error"]) == ("error", "store", "KeyError")
    assert "renderers/validate.py:" in str(line["frames"])
    assert SECRET not in str(line)


def _raising(error: BaseException) -> Callable[[], Iterable[str]]:
    def check() -> Iterable[str]:
        yield "found before"
        raise error

    return check


def test_a_rule_that_fails_half_way_has_found_nothing() -> None:
    found, defect = confined(_raising(ValueError(SECRET)))

    assert (found, defect and defect.error) == ([], "ValueError")
    assert confined(lambda: ["x"]) == (["x"], None)


@pytest.mark.parametrize("error", [MemoryError(), KeyboardInterrupt()])
def test_what_is_not_about_the_object_is_not_confined(error: BaseException) -> None:
    with pytest.raises(type(error)):
        confined(_raising(error))


def test_a_defect_names_its_last_frame() -> None:
    assert "KeyError in b:2 g;" in str(Defect("KeyError", ("a:1 f", "b:2 g")))
