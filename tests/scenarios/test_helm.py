"""Helm charts of the app repo, rendered by the real helm."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.child_process import Limits
from bot.cli.errors import InputError
from bot.engine.helm import template
from bot.engine.propose import Proposal
from bot.engine.render_tools import ToolError
from planners.model import ComponentSource
from renderers.builds import Build
from renderers.sources import SourceError
from tests.fakes.folders import application, cluster, planned, registration, tenant, write
from tests.scenarios.test_customisation import files_of, said

BIN = f"{sys.prefix}/bin"
FLEET = {
    **cluster("edge-1", "tier: edge", kubernetes='"1.30"', values="{replicas: 2}"),
    **cluster("edge-2", "tier: edge", kubernetes='"1.31"', values="{replicas: 3}"),
    **cluster("other", "tier: other"),
    **tenant(spec="namespace: shop, clusters: {matchLabels: {tier: edge}}"),
    **registration(),
}
CHART = "apiVersion: v2\nname: web\nversion: 1.0.0\n"
VALUES = "replicas: 1\nimage: registry.example.com/web\ntag: 1.0.0\nextra: {}\n"
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
  labels: {kubernetes: "{{ .Capabilities.KubeVersion.Minor }}"}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - {name: web, image: "{{ .Values.image }}:{{ .Values.tag }}"}
"""
TEST = """\
apiVersion: v1
kind: Pod
metadata: {name: try, annotations: {helm.sh/hook: test}}
spec: {containers: [{name: try, image: "registry.example.com/try:1"}]}
"""
WEB = {
    "charts/web/Chart.yaml": CHART,
    "charts/web/values.yaml": VALUES,
    "charts/web/templates/web.yaml": DEPLOYMENT,
    "charts/web/templates/tests/try.yaml": TEST,
    "charts/web/templates/NOTES.txt": "Thank you.",
}
SPEC = """
components:
  - {{name: web, source: {{helm: {source}}}}}
placement:
  - {{components: [web], allOf: [{{matchLabels: {{tier: edge}}}}]}}
customizations:
{customizations}
"""


@pytest.fixture(autouse=True)
def _on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")
    if shutil.which("helm") is None:
        assert "CI" not in os.environ, "continuous integration must have helm"
        pytest.skip("helm is not on PATH: the wheel with it has no program for this platform")


def run(
    folder: Path,
    customizations: str = "  []",
    files: Mapping[str, str | bytes] = WEB,
    source: str = "charts/web",
) -> Proposal:
    spec = SPEC.format(source=source, customizations=customizations)
    return planned(folder, {**application(spec), **files}, FLEET)


def test_a_chart_is_rendered_for_the_version_and_the_values_of_each_cluster(tmp_path: Path) -> None:
    made = run(
        tmp_path,
        """\
  - {name: size, components: [web], helmValues: {replicas: "${cluster.values.replicas}"}}
  - {name: newest, components: [web], clusters: {names: [edge-2]}, helmValues: {tag: 2.0.0}}""",
        {**WEB, "config/shop.yaml": "image: registry.example.com/shop\n"},
        "{chart: charts/web, values: [config/shop.yaml], releaseName: shop-web}",
    )

    first = files_of(made, "edge-1")["deployment-shop-web.yaml"]
    second = files_of(made, "edge-2")["deployment-shop-web.yaml"]
    images = [
        each["spec"]["template"]["spec"]["containers"][0]["image"] for each in (first, second)
    ]
    assert images == ["registry.example.com/shop:1.0.0", "registry.example.com/shop:2.0.0"]
    assert [each["spec"]["replicas"] for each in (first, second)] == [2, 3]
    assert [each["metadata"]["labels"]["kubernetes"] for each in (first, second)] == ["30", "31"]
    assert list(files_of(made, "edge-1")) == ["deployment-shop-web.yaml"]


def test_the_objects_are_what_helm_template_prints(tmp_path: Path) -> None:
    folder = write(tmp_path, WEB) / "charts/web"
    files = {path: content.encode() for path, content in WEB.items()}
    build = Build("helm", ComponentSource("helm", "charts/web"), "web", "shop", (), "1.31")

    expected = subprocess.run(
        ["helm", "template", "web", folder, "-n", "shop", "--skip-tests", "--kube-version", "1.31"],
        capture_output=True,
        check=True,
    ).stdout
    assert template(build, files) == expected


def test_a_chart_sees_the_api_versions_of_its_cluster_and_of_the_application(
    tmp_path: Path,
) -> None:
    asked = (
        *("monitoring.example.com/v1/Monitor", "example.com/v1/Wheel", "example.com/v2"),
        *("example.com/v1/Unused", "apiregistration.k8s.io/v1"),
    )
    chart = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: seen}\ndata:\n" + "".join(
        f'  a{index}: {{{{ .Capabilities.APIVersions.Has "{name}" | toString | quote }}}}\n'
        for index, name in enumerate(asked)
    )
    files = {
        **WEB,
        "charts/web/templates/seen.yaml": chart,
        "definitions/wheel.yaml": CRD,
        "examples/unused.yaml": CRD.replace("Wheel", "Unused").replace("wheels", "unuseds"),
    }
    more = {
        **cluster("edge-2", "tier: edge", apiVersions="[monitoring.example.com/v1/Monitor]"),
        **tenant(
            spec="namespace: shop, clusters: {matchLabels: {tier: edge}}, "
            "kinds: {allowed: [CustomResourceDefinition]}"
        ),
    }
    spec = SPEC.format(source="charts/web", customizations="  []").replace(
        "placement:\n",
        "  - {name: kinds, source: {manifests: definitions}}\n"
        "placement:\n  - {components: [kinds], allOf: [{matchLabels: {tier: edge}}]}\n",
    )
    made = planned(tmp_path, {**application(spec), **files}, {**FLEET, **more})

    found = [files_of(made, name)["configmap-seen.yaml"]["data"] for name in ("edge-1", "edge-2")]
    assert [list(each.values()) for each in found] == [
        ["false", "true", "false", "false", "true"],
        ["true", "true", "false", "false", "true"],
    ]


def test_the_output_goes_through_patches_and_checks(tmp_path: Path) -> None:
    patched = run(
        tmp_path / "patched",
        """\
  - name: big
    components: [web]
    target: {kind: Deployment, name: web}
    jsonPatch: [{op: replace, path: /spec/replicas, value: 7}]""",
    )
    wrong = run(
        tmp_path / "wrong", "  - {name: many, components: [web], helmValues: {replicas: x}}"
    )

    assert files_of(patched, "edge-1")["deployment-web.yaml"]["spec"]["replicas"] == 7
    assert "Deployment/web: spec.replicas must be of type integer" in said(wrong)[0]


def test_two_customisations_of_one_value_conflict(tmp_path: Path) -> None:
    made = run(
        tmp_path,
        """\
  - {name: one, components: [web], helmValues: {extra: {a: 1}}}
  - {name: two, components: [web], clusters: {names: [edge-2]}, helmValues: {extra: {a: 2}}}""",
    )

    assert said(made) == [
        (
            "switchyard.yaml:12:7: customisation two: sets values.extra.a, which customisation one "
            "(switchyard.yaml:11:7) sets to another value [on edge-2]"
        )
    ]


def test_a_value_that_a_cluster_lacks_is_told_where_it_is_written(tmp_path: Path) -> None:
    made = run(
        tmp_path,
        """  - {name: lost, components: [web], helmValues: {tag: "${cluster.values.none}"}}""",
    )

    assert said(made)[0].startswith(
        "switchyard.yaml:11:7: customisation lost: cluster edge-1 has no value 'none'"
    )


def test_a_hook_is_refused_by_name(tmp_path: Path) -> None:
    hook = TEST.replace("test", '"pre-install,post-upgrade"')
    made = run(tmp_path, files={**WEB, "charts/web/templates/hook.yaml": hook})

    assert "the chart has hooks" in said(made)[0]
    assert "pre-install,post-upgrade of Pod/try" in said(made)[0]


def test_definitions_are_rendered_and_subcharts_are_folders() -> None:
    files = {
        **WEB,
        "charts/web/Chart.yaml": f"{CHART}dependencies:\n  - {{name: db, version: 1.0.0}}\n",
        "charts/web/crds/wheel.yaml": CRD,
        "charts/web/charts/db/Chart.yaml": CHART.replace("web", "db"),
        "charts/web/charts/db/templates/db.yaml": (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: db}\n"
            "data: {a: {{ .Values.global.a }}}\n"
        ),
        "charts/web/values.yaml": f"{VALUES}global: {{a: b}}\n",
    }
    source = {path: text.encode() for path, text in files.items()}
    build = Build("helm", ComponentSource("helm", "charts/web"), "web", "shop")

    printed = template(build, source).decode()
    assert "kind: CustomResourceDefinition" in printed
    assert "data: {a: b}" in printed


CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: wheels.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Wheel, plural: wheels}
  versions:
    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
"""
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
ENDLESS = '{{- define "x" }}{{ include "x" . }}{{ end }}a: {{ include "x" . }}\n'
HUGE = "a: {{ range until 100000000 }}x{{ end }}\n"
HOSTILE: dict[str, tuple[dict[str, str], str]] = {
    "no chart": ({"charts/web/Chart.yaml": ""}, "metadata must be a mapping"),
    "a library": ({"charts/web/Chart.yaml": f"{CHART}type: library\n"}, "a library chart"),
    "aliases in values": ({"charts/web/values.yaml": BOMB}, "charts/web/values.yaml:"),
    "aliases in a definition": ({"charts/web/crds/a.yaml": BOMB}, "charts/web/crds/a.yaml:"),
    "aliases in a subchart": (
        {"charts/web/charts/db/values.yaml": BOMB},
        "charts/web/charts/db/values.yaml:",
    ),
    "an archive": ({"charts/web/charts/db.tgz": "x"}, "unpack it with `tar -xzf`"),
    "a subchart that is missing": (
        {"charts/web/Chart.yaml": f"{CHART}dependencies: [{{name: db, version: 1.0.0}}]\n"},
        "charts/web/Chart.yaml:4:16: the subchart 'db' is not in charts/",
    ),
    "a subchart from a network": (
        {
            "charts/web/Chart.yaml": (
                f"{CHART}dependencies: [{{name: db, repository: 'https://example.com'}}]\n"
            )
        },
        "nothing is fetched",
    ),
    "a schema from a network": (
        {"charts/web/values.schema.json": '{"$ref": "http://169.254.169.254/latest"}'},
        "refers to another document",
    ),
    "a schema from this machine": (
        {"charts/web/values.schema.json": '{"properties": {"a": {"$ref": "file:///etc/passwd"}}}'},
        "refers to another document",
    ),
    "a schema that refers upwards": (
        {"charts/web/values.schema.json": '{"$schema": "http://example.com/s"}'},
        "refers to another document",
    ),
    "a value against its schema": (
        {"charts/web/values.schema.json": '{"properties": {"replicas": {"type": "string"}}}'},
        "replicas",
    ),
    "random names": ({"charts/web/templates/a.yaml": "a: {{ uuidv4 }}\n"}, "differently each time"),
    "a certificate": (
        {"charts/web/templates/a.yaml": 'a: {{ (genCA "x" 1).Cert | quote }}\n'},
        "differently each time",
    ),
    "the environment": ({"charts/web/templates/a.yaml": 'a: {{ env "HOME" }}\n'}, '"env" not'),
    "a file of this machine": (
        {
            "charts/web/templates/a.yaml": (
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
                'data: {a: {{ .Files.Get "../../../etc/passwd" | required "nothing" }}}\n'
            )
        },
        "nothing",
    ),
    "a template that does not end": ({"charts/web/templates/a.yaml": ENDLESS}, "error calling"),
    "too much output": ({"charts/web/templates/a.yaml": HUGE}, "helm"),
    "a template with a mistake": (
        {"charts/web/templates/a.yaml": "a: {{ .Values.a.b.c }}\n"},
        "charts/web/templates/a.yaml:1",
    ),
    "output that is no YAML": ({"charts/web/templates/a.yaml": "a: [\n"}, "a.yaml"),
}
SMALL = Limits(seconds=10, memory=512 * 1024 * 1024, output=1024 * 1024)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_chart_is_refused(name: str) -> None:
    changed, expected = HOSTILE[name]
    files = {path: text.encode() for path, text in {**WEB, **changed}.items()}
    build = Build("helm", ComponentSource("helm", "charts/web"), "web", "shop", (), "1.31")

    with pytest.raises((ToolError, SourceError)) as caught:
        template(build, files, limits=SMALL)

    error = caught.value
    place = f"{error.file}:{error.line}:{error.column}: " if isinstance(error, SourceError) else ""
    assert expected in f"{place}{error}"
    assert "/tmp/" not in str(error)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("charts/none", "switchyard.yaml:7:28: no files in folder 'charts/none'"),
        ("{chart: charts/web, values: [no.yaml]}", "file 'no.yaml' not found"),
        ("{chart: charts/web, verify: true}", "unknown key 'verify'"),
        ("{values: []}", "missing key 'chart'"),
    ],
)
def test_a_mistake_in_the_document_is_told(tmp_path: Path, source: str, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        run(tmp_path, source=source)

    assert expected in str(caught.value)


def test_values_for_a_component_without_a_chart_are_refused(tmp_path: Path) -> None:
    spec = SPEC.format(
        source="charts/web", customizations="  - {name: a, components: [web], helmValues: {a: 1}}"
    )
    spec = spec.replace("{helm: charts/web}", "{manifests: charts}")

    with pytest.raises(
        InputError, match="component 'web' takes no values: its source is manifests"
    ):
        planned(tmp_path, {**application(spec), **WEB}, FLEET)


def test_helm_that_is_missing_or_old_is_told(tmp_path: Path) -> None:
    build = Build("helm", ComponentSource("helm", "charts/web"), "web", "shop")
    files = {path: text.encode() for path, text in WEB.items()}
    old = write(tmp_path, {"helm": "#!/bin/sh\necho v2.17.0\n"})
    (old / "helm").chmod(0o755)

    with pytest.raises(ToolError, match="not on PATH: install it"):
        template(build, files, search_path="")
    with pytest.raises(ToolError, match="is older: update it"):
        template(build, files, search_path=str(old))
