"""Definitions of custom kinds are applied before their use, without a written dependency."""

from pathlib import Path

from bot.wording.timetable import waits_for
from tests.fakes.folders import application, cluster, planned, registration, tenant

CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: rockets.space.example}
spec:
  group: space.example
  scope: Namespaced
  names: {kind: Rocket, plural: rockets}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
"""
ROCKET = "apiVersion: space.example/v1\nkind: Rocket\nmetadata: {name: r}\n"
ALLOWED = "namespace: shop, kinds: {allowed: [CustomResourceDefinition.apiextensions.k8s.io]}"


def waves(folder: Path, needs: str = "", kinds: str = "[{}]") -> dict[str, list[str]]:
    spec = f"""
components:
  - {{name: zoo, source: {{manifests: zoo}}{needs}}}
  - {{name: app, source: {{manifests: app}}}}
placement:
  - {{components: [app], allOf: [{{}}]}}
  - {{components: [zoo], allOf: {kinds}}}
"""
    app = {**application(spec), "zoo/x.yaml": CRD, "app/x.yaml": ROCKET}
    fleet = {**tenant(spec=ALLOWED), **registration(), **cluster("oslo"), **cluster("rome")}
    made = planned(folder, app, fleet)
    assert made.problems == ()
    return {
        wave.name: [*map(str, wave.units), *waits_for(made.plan, made.application, wave)]
        for wave in made.plan.waves
    }


def test_a_definition_is_applied_before_its_kind_is_used(tmp_path: Path) -> None:
    assert waves(tmp_path) == {
        "all.1": ["zoo@oslo", "zoo@rome"],
        "all.2": [
            "app@oslo",
            "app@rome",
            "app requires zoo Applied on the same cluster; timeout 15m, then hold",
        ],
    }


def test_an_implied_dependency_does_not_require_placement(tmp_path: Path) -> None:
    assert waves(tmp_path, kinds="[{names: [oslo]}]")["all.2"][:2] == ["app@oslo", "app@rome"]


def test_a_written_dependency_in_the_other_direction_is_kept(tmp_path: Path) -> None:
    found = waves(tmp_path, needs=", dependsOn: [{component: app}]")

    assert found["all.1"] == ["app@oslo", "app@rome"]
