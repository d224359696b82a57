"""`switchyard connect` prints what the guide shows."""

import re
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import main
from bot.cli.parser import parser
from renderers import yaml

GUIDE = Path(__file__).parents[3] / "docs/guides/getting-started.md"
CLUSTER = """apiVersion: switchyard.dev/v1alpha1
kind: Cluster
metadata: {name: eu-edge-1}
spec: {agent: flux, flux: {gitSecret: switchyard-git}}
"""
TENANT = """apiVersion: switchyard.dev/v1alpha1
kind: Tenant
metadata: {{name: {name}}}
spec: {{namespace: {name}, deploy: "gitlab:{path}", clusters: {{}}}}
"""
URLS = [
    "--deploy-url", "https://git.example.com/fleet/deploy.git",
    "--service-url", "https://switchyard.example.com/",
]  # fmt: skip


def objects(text: str) -> list[Any]:
    return [each.value for each in yaml.load_documents(text.encode())]


@pytest.fixture
def fleet(tmp_path: Path) -> list[str]:
    (tmp_path / "clusters").mkdir()
    (tmp_path / "clusters/eu-edge-1.yaml").write_text(CLUSTER)
    (tmp_path / "tenants").mkdir()
    for name, path in (("shop", "fleet/deploy"), ("bank", "bank/fleet/deploy")):
        text = TENANT.format(name=name, path=path)
        (tmp_path / f"tenants/{name}.yaml").write_text(text)
    return ["--fleet", str(tmp_path)]


def test_it_prints_the_objects_of_the_guide(
    fleet: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["connect", "eu-edge-1", *fleet, *URLS]) == 0

    blocks = re.findall(r"(?ms)^```yaml\n(.*?)^```$", GUIDE.read_text())
    shown = [item for text in blocks for item in objects(text)]
    flux = [item for item in shown if ".toolkit.fluxcd.io/" in str(item.get("apiVersion"))]
    assert objects(capsys.readouterr().out) == flux


def test_a_cluster_that_is_not_declared_is_a_mistake(
    fleet: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["connect", "eu-edge-2", *fleet, *URLS]) == 1
    assert "no cluster eu-edge-2; declare it in clusters/" in capsys.readouterr().err


AGENTS = {
    "flux": "{agent: flux}",
    "argocd": "{agent: argocd, argocd: {namespace: argo, repoUrl: 'https://g.example.com/{repo}'}}",
    "anthos": "{agent: anthos, anthos: {repoUrl: 'https://g.example.com/{repo}'}}",
    "azure-arc": (
        "{agent: azure-arc, azureArc: {subscription: 00000000-0000-0000-0000-000000000000, "
        "resourceGroup: edges, resource: edge-1}}"
    ),
}


def declare(fleet: list[str], agent: str) -> None:
    text = CLUSTER.partition("spec:")[0] + f"spec: {AGENTS[agent]}\n"
    Path(fleet[1], "clusters/eu-edge-1.yaml").write_text(text)


@pytest.mark.parametrize(
    ("agent", "rights"),
    [
        (
            "flux",
            [
                ("Role", "flux-system", "source.toolkit.fluxcd.io", "gitrepositories"),
                ("Role", "flux-system", "kustomize.toolkit.fluxcd.io", "kustomizations"),
            ],
        ),
        ("argocd", [("Role", "argo", "argoproj.io", "applications")]),
        (
            "anthos",
            [
                ("Role", "config-management-system", "configsync.gke.io", "rootsyncs"),
                ("ClusterRole", "", "configsync.gke.io", "reposyncs"),
                ("ClusterRole", "", "kpt.dev", "resourcegroups"),
            ],
        ),
    ],
)
def test_a_reporter_may_list_what_it_reads_and_nothing_else(
    fleet: list[str],
    capsys: pytest.CaptureFixture[str],
    agent: str,
    rights: list[tuple[str, str, str, str]],
) -> None:
    declare(fleet, agent)
    assert main(["connect", "eu-edge-1", *fleet, *URLS, "--reporter", "push"]) == 0

    found = objects(capsys.readouterr().out)
    roles = [each for each in found if each["kind"] in {"Role", "ClusterRole"}]
    assert rights == [
        (each["kind"], each["metadata"].get("namespace", ""), group, plural)
        for each in roles
        for rule in each["rules"]
        for group in rule["apiGroups"]
        for plural in rule["resources"]
    ]
    assert all(rule["verbs"] == ["list"] for each in roles for rule in each["rules"])
    bindings = [each for each in found if each["kind"].endswith("Binding")]
    bound = [(each["roleRef"]["kind"], each["metadata"].get("namespace")) for each in bindings]
    assert bound == [(each["kind"], each["metadata"].get("namespace")) for each in roles]
    (account,) = [each["metadata"] for each in found if each["kind"] == "ServiceAccount"]
    subject = {"kind": "ServiceAccount", **account}
    assert all(each["subjects"] == [subject] for each in bindings)


def test_the_arguments_of_a_reporter_are_those_of_the_command(
    fleet: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(fleet, "argocd")
    command = ["connect", "eu-edge-1", *fleet, *URLS, "--reporter"]
    assert main([*command, "bucket"]) == 1
    assert "set SWITCHYARD_STATUS_BUCKET and .._URL to those" in capsys.readouterr().err
    monkeypatch.setenv("SWITCHYARD_STATUS_BUCKET", "fleet-status")
    monkeypatch.setenv("SWITCHYARD_STATUS_BUCKET_URL", "https://s3.example.com")
    assert main([*command, "bucket", "--reporter-image", "images.example.com/s@sha256:1"]) == 0

    cron_job = objects(capsys.readouterr().out)[-1]
    (container,) = cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "images.example.com/s@sha256:1"
    assert {each["name"]: each["value"] for each in container["env"]} == {
        "SWITCHYARD_STATUS_BUCKET": "fleet-status",
        "SWITCHYARD_STATUS_BUCKET_URL": "https://s3.example.com/",
        "SWITCHYARD_STATUS_BUCKET_REGION": "us-east-1",
        "SWITCHYARD_STATUS_BUCKET_PATH_STYLE": "true",
    }
    options = parser().parse_args(container["args"])
    assert (options.cluster, options.agent, options.bucket) == ("eu-edge-1", "argocd", True)
    assert options.watch == ["Application.v1alpha1.argoproj.io/argo"]


def test_a_reporter_of_addresses_may_list_services(
    fleet: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["connect", "eu-edge-1", *fleet, *URLS, "--reporter", "push"]
    assert main([*command, "--addresses"]) == 0

    found = objects(capsys.readouterr().out)
    (role,) = [each for each in found if each["kind"] == "ClusterRole"]
    assert role["rules"] == [{"apiGroups": [""], "resources": ["services"], "verbs": ["list"]}]
    pod = found[-1]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    options = parser().parse_args(pod["containers"][0]["args"])
    assert options.addresses
    assert options.watch == [
        "GitRepository.v1.source.toolkit.fluxcd.io/flux-system",
        "Kustomization.v1.kustomize.toolkit.fluxcd.io/flux-system",
    ]


def test_an_agent_without_objects_of_its_own_has_no_reporter(
    fleet: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    declare(fleet, "azure-arc")
    assert main(["connect", "eu-edge-1", *fleet, *URLS, "--reporter", "push"]) == 1
    assert "agent azure-arc has no objects that say how it fares" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("https://git.example.com/bank/fleet/deploy", "switchyard-bank-fleet-deploy"),
        ("ssh://git@git.example.com:22/fleet/deploy.git", "switchyard-fleet-deploy"),
        ("git@git.example.com:fleet/deploy.git", "switchyard-fleet-deploy"),
    ],
)
def test_the_root_is_named_by_the_deploy_repo(
    url: str, root: str, fleet: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["connect", "eu-edge-1", *fleet, "--deploy-url", url, *URLS[2:]]) == 0
    made = objects(capsys.readouterr().out)
    named = [item["metadata"]["name"] for item in made if item["kind"] == "Kustomization"]
    assert named == [root]


def test_a_url_that_is_no_deploy_repo_of_the_fleet_is_a_mistake(
    fleet: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    url = ["--deploy-url", "https://git.example.com/other/deploy.git"]
    assert main(["connect", "eu-edge-1", *fleet, *url, *URLS[2:]]) == 1
    assert "which has: gitlab:bank/fleet/deploy, gitlab:fleet/deploy" in capsys.readouterr().err


def test_what_forges_show_for_ssh_becomes_a_url(
    fleet: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Flux refuses `git@host:path`."""
    url = ["--deploy-url", "git@git.example.com:fleet/deploy.git"]
    assert main(["connect", "eu-edge-1", *fleet, *url, *URLS[2:]]) == 0
    assert "url: ssh://git@git.example.com/fleet/deploy.git\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("--deploy-url", "git.example.com/fleet/deploy"),
        ("--deploy-url", "https:///fleet/deploy"),
        ("--service-url", "switchyard.example.com"),
        ("--service-url", "ssh://switchyard.example.com"),
    ],
)
def test_what_is_no_url_is_a_mistake(
    option: str, text: str, fleet: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["connect", "eu-edge-1", *fleet, *URLS, option, text]) == 1
    assert f"{option} {text} is no URL; it begins with one of: https://" in capsys.readouterr().err
