"""The chart and the plain manifests: valid, restricted, and what they promise for each choice."""

import json
import os
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import pytest

from bot.engine.kubernetes_schemas import KubernetesSchemas
from bot.settings import Settings, TelemetrySettings
from docs.deployment import CHART, EXAMPLES, HELM
from renderers.policy.pods import pod_violations
from renderers.yaml import load_documents
from tests.fakes.folders import application, cluster, planned, registration, tenant

ROOT = Path(__file__).parents[3]
REQUIRED = {"fleet": "github:example/fleet", "public_url": "https://switchyard.example.com"}
CASES: dict[str, dict[str, Any]] = {
    "default": {},
    "PostgreSQL": {"postgresql": True, "replicas": 3},
    "everything": {
        "settings": {
            **REQUIRED,
            "workers": 4,
            "resync_seconds": 1_000_000,
            "verify_results": True,
            "trusted_proxies": ["10.0.3.7", "fd00:3::/64"],
            "ssh_keys": {"github:example/deploy": "/run/files/ssh/key"},
        },
        "secret": "other",
        "files": {"ssh": "switchyard-ssh"},
        "image": {"digest": "sha256:" + "0" * 64, "pullSecrets": ["registry"]},
        "storage": {"className": "fast"},
        "traces": {"endpoint": "http://collector.monitoring:4318"},
        "ingress": {
            "enabled": True,
            "className": "nginx",
            "annotations": {"nginx.ingress.kubernetes.io/proxy-body-size": "25m"},
            "tlsSecret": "switchyard-tls",
        },
        "networkPolicy": {"egress": [{"to": [{"ipBlock": {"cidr": "10.1.2.3/32"}}]}]},
        "serviceAccount": {"annotations": {"azure.workload.identity/client-id": "x"}},
        "podLabels": {"azure.workload.identity/use": "true"},
        "nodeSelector": {"kubernetes.io/arch": "amd64"},
        "tolerations": [{"key": "tools", "operator": "Exists"}],
    },
    "nothing": {
        "metrics": {"enabled": False},
        "networkPolicy": {"enabled": False},
    },
}


def helm(folder: Path, values: dict[str, Any]) -> "subprocess.CompletedProcess[str]":
    file = folder / "values.json"
    file.write_text(json.dumps({"settings": REQUIRED} | values))
    command = [HELM, "template", "switchyard", CHART, "--namespace=bot", f"--values={file}"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def by_kind(text: str) -> dict[str, dict[str, Any]]:
    found = [cast("dict[str, Any]", each.value) for each in load_documents(text.encode())]
    kinds = {each["kind"]: each for each in found if each}
    assert len(kinds) == len([each for each in found if each])
    return kinds


def rendered(folder: Path, case: str) -> dict[str, dict[str, Any]]:
    done = helm(folder, CASES[case])
    assert done.returncode == 0, done.stderr
    return by_kind(done.stdout)


def pod_of(objects: dict[str, dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = objects["Deployment"]["spec"]["template"]["spec"]
    return found


def environment(objects: dict[str, dict[str, Any]]) -> dict[str, str]:
    (container,) = pod_of(objects)["containers"]
    return {each["name"]: each["value"] for each in container["env"]}


@pytest.mark.parametrize("case", CASES)
def test_every_choice_is_valid_and_restricted(case: str, tmp_path: Path) -> None:
    objects = rendered(tmp_path, case)

    for each in objects.values():
        assert list(KubernetesSchemas().violations(each, "1.31", {})) == []
        assert each["metadata"]["namespace"] == "bot"
    assert list(pod_violations(objects["Deployment"], "restricted")) == []
    assert "Secret" not in objects, "secrets are made by people, not by values in plain text"
    (container,) = pod_of(objects)["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod_of(objects)["securityContext"]["runAsUser"] == 10001
    assert pod_of(objects)["automountServiceAccountToken"] is False
    assert pod_of(objects)["enableServiceLinks"] is False
    mounted = {each["mountPath"] for each in container["volumeMounts"] if not each.get("readOnly")}
    assert mounted == {"/var/lib/switchyard", "/tmp"}
    assert {container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness")} == {
        "/healthz"
    }
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


@pytest.mark.parametrize("case", CASES)
def test_the_service_understands_its_environment(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The settings that it reads are those of the values, whatever their types."""
    given = {**REQUIRED, **CASES[case].get("settings", {})}
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name in ("marker_key", "report_key"):
        (secrets / f"switchyard_{name}").write_text("of-sixteen-characters")
    found = environment(rendered(tmp_path, case))
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SWITCHYARD_SSH_KNOWN_HOSTS", str(tmp_path))
    settings = Settings(_secrets_dir=secrets)  # type: ignore[call-arg]

    for name in given:
        as_given = Settings(
            **{**given, "ssh_known_hosts": tmp_path, "marker_key": "m" * 16, "report_key": "r" * 16}
        )
        assert getattr(settings, name) == getattr(as_given, name)
    assert settings.host == "0.0.0.0"
    assert TelemetrySettings().is_on is (case == "everything")
    assert settings.metrics_port == (None if case == "nothing" else 7082)


def test_without_postgresql_one_process_owns_the_volume(tmp_path: Path) -> None:
    objects = rendered(tmp_path, "default")

    assert objects["Deployment"]["spec"]["replicas"] == 1
    assert objects["Deployment"]["spec"]["strategy"] == {"type": "Recreate"}
    assert objects["PersistentVolumeClaim"]["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert "PodDisruptionBudget" not in objects, "it would only stop nodes from being drained"


def test_with_postgresql_replicas_are_replaced_one_by_one(tmp_path: Path) -> None:
    objects = rendered(tmp_path, "PostgreSQL")
    volumes = {each["name"]: each for each in pod_of(objects)["volumes"]}

    assert objects["Deployment"]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert objects["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1
    assert "PersistentVolumeClaim" not in objects
    assert volumes["data"]["emptyDir"] == {}
    assert volumes["database"]["secret"]["items"] == [
        {"key": "switchyard_database_url", "path": "switchyard_database_url"}
    ], "replicas that found no database would each use an own one"


def test_only_named_namespaces_reach_the_service(tmp_path: Path) -> None:
    policy = rendered(tmp_path, "everything")["NetworkPolicy"]["spec"]
    web, monitoring = policy["ingress"]
    blocked = [
        each
        for rule in policy["egress"]
        for to in rule["to"]
        for each in to.get("ipBlock", {}).get("except", ())
    ]

    assert web["ports"] == [{"port": "http"}]
    assert monitoring["ports"] == [{"port": "metrics"}]
    assert all("namespaceSelector" in each for rule in (web, monitoring) for each in rule["from"])
    assert "169.254.0.0/16" in blocked, "the metadata of clouds"
    assert policy["egress"][-1] == {"to": [{"ipBlock": {"cidr": "10.1.2.3/32"}}]}


def test_people_reach_it_by_the_host_of_the_public_url(tmp_path: Path) -> None:
    ingress = rendered(tmp_path, "everything")["Ingress"]["spec"]

    assert [each["host"] for each in ingress["rules"]] == ["switchyard.example.com"]
    assert ingress["tls"] == [{"hosts": ["switchyard.example.com"], "secretName": "switchyard-tls"}]


def test_the_service_monitor_finds_the_service(tmp_path: Path) -> None:
    monitor = {"enabled": True, "labels": {"release": "prometheus"}}
    objects = by_kind(helm(tmp_path, {"metrics": {"serviceMonitor": monitor}}).stdout)
    found, service = objects["ServiceMonitor"], objects["Service"]

    assert found["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    ports = {each["name"] for each in service["spec"]["ports"]}
    assert {each["port"] for each in found["spec"]["endpoints"]} <= ports
    assert found["metadata"]["labels"]["release"] == "prometheus"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"settings": {"fleet": ""}}, "at '/settings/fleet': '' does not match pattern"),
        ({"settings": {**REQUIRED, "worker": 4}}, "additional properties 'worker' not allowed"),
        ({"settings": {**REQUIRED, "workers": 99}}, "maximum: got 99, want 32"),
        ({"settings": {**REQUIRED, "marker_key": "m"}}, "'marker_key' not allowed"),
        ({"settings": {**REQUIRED, "fleet": "fleet"}}, "'fleet' does not match pattern"),
        ({"replicas": 2}, "maximum: got 2, want 1"),
        ({"image": {"digest": "latest"}}, "'latest' does not match pattern"),
        ({"replica": 1}, "additional properties 'replica' not allowed"),
    ],
)
def test_mistakes_in_values_are_said_before_anything_is_installed(
    values: dict[str, Any], said: str, tmp_path: Path
) -> None:
    done = helm(tmp_path, values)

    assert done.returncode == 1
    assert said in done.stderr


def test_no_secret_is_a_setting_of_the_chart() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    listed = schema["properties"]["settings"]["properties"].keys()
    fields = Settings.model_json_schema()["properties"]
    secret = {name for name, field in fields.items() if "writeOnly" in json.dumps(field)}

    assert {"marker_key", "gitlab_webhook_secrets", "gate_keys", "chart_credentials"} <= secret
    assert not secret & listed


@pytest.mark.parametrize("name", EXAMPLES)
def test_plain_manifests_are_valid(name: str) -> None:
    objects = by_kind((ROOT / f"docs/manifests/{name}.yaml").read_text())

    for each in objects.values():
        assert list(KubernetesSchemas().violations(each, "1.31", {})) == []
    assert list(pod_violations(objects["Deployment"], "restricted")) == []


def test_switchyard_rolls_itself_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The chart as a component of an application, checked and rendered as any other."""
    monkeypatch.setenv("PATH", f"{HELM.parent}{os.pathsep}{os.environ['PATH']}")
    chart = {
        f"chart/{path.relative_to(CHART)}": path.read_bytes()
        for path in CHART.rglob("*")
        if path.is_file()
    }
    values = json.dumps({"settings": REQUIRED, "postgresql": True, "replicas": 2})
    app = {
        **application(
            """\
            components: [{name: bot, source: {helm: {chart: chart, values: [values.yaml]}}}]
            placement: [{components: [bot], allOf: [{}]}]"""
        ),
        **chart,
        "values.yaml": values,
    }

    proposal = planned(tmp_path, app, {**cluster("hub"), **tenant(), **registration()})

    assert [str(each) for each in proposal.problems] == []
    written = {path.rpartition("/")[2] for path in proposal.trees["hub"] if "/apps/" in path}
    assert {"deployment-bot.yaml", "poddisruptionbudget-bot.yaml"} <= written


def test_the_chart_has_the_version_of_the_service() -> None:
    chart = cast("dict[str, Any]", load_documents((CHART / "Chart.yaml").read_bytes())[0].value)

    assert chart["version"] == chart["appVersion"] == version("switchyard")
