"""What Azure Resource Manager says, as readiness."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.documents import read_fleet
from planners.model import Readiness, Repo
from plugins.azure_arc import AzureArc, AzureArcSettings
from renderers.agents import ClusterTarget, Target, TenantTarget

AGENT = AzureArc()
OLD, NEW = "a" * 40, "b" * 40
TOLD = "2026-11-20T12:05:00Z"
FETCHED, BEFORE, AFTER = "2026-11-20T12:03:00Z", "2026-11-20T12:02:00Z", "2026-11-20T12:04:00Z"
READY, PROGRESSING, STALLED = Readiness.READY, Readiness.PROGRESSING, Readiness.STALLED
SETTINGS = AzureArcSettings(
    subscription="00000000-0000-0000-0000-000000000000", resource_group="edge", resource="one-k8s"
)
CLUSTER = ClusterTarget(
    cluster="one",
    settings=SETTINGS,
    deploy=Repo("local", "acme/deploy"),
    url="https://forge/deploy",
    branch="main",
    sync_folder="clusters/one/sync",
    report_url="https://bot/reports/azure-arc/one",
)


def target(application: str, component: str = "web", **changes: Any) -> Target:
    return Target(
        cluster="one",
        settings=changes.pop("settings", SETTINGS),
        tenant="shop",
        application=application,
        component=component,
        namespaces=("shop",),
        folder=f"clusters/one/apps/shop/{application}/{component}",
        deploy=Repo("local", "acme/deploy"),
        **changes,
    )


def status(
    compliance: str,
    ready: str,
    reason: str = "",
    message: str = "",
    since: str = AFTER,
    **changes: Any,
) -> dict[str, Any]:
    condition = {
        "type": "Ready",
        "status": ready,
        "reason": reason,
        "message": message,
        "lastTransitionTime": since,
    }
    return {
        "name": "storefront.web",
        "namespace": "switchyard-system",
        "kind": "Kustomization",
        "complianceState": compliance,
        "appliedBy": {"name": "switchyard-sync", "namespace": "switchyard-system"},
        "statusConditions": [condition],
        **changes,
    }


def resource(
    *statuses: Mapping[str, Any], name: str = "switchyard", **changes: Any
) -> dict[str, Any]:
    properties = {
        "provisioningState": "Succeeded",
        "complianceState": "Compliant",
        "sourceSyncedCommitId": f"main@sha1:{NEW}",
        "sourceUpdatedAt": FETCHED,
        "statusUpdatedAt": TOLD,
        "statuses": list(statuses),
        **changes,
    }
    return {"name": name, "properties": properties}


APPLIED = f"Applied revision: main@sha1:{NEW}"


@pytest.mark.parametrize(
    ("said", "readiness", "revision"),
    [
        (status("Compliant", "True", "ReconciliationSucceeded", APPLIED), READY, NEW),
        (status("Compliant", "True", message=f"'Applied revision: main/{OLD}'"), READY, OLD),
        (status("Compliant", "True", message="Applied revision: v1.2.0"), PROGRESSING, NEW),
        (status("Compliant", "True"), PROGRESSING, NEW),
        (status("Compliant", "Unknown", "Progressing", APPLIED), PROGRESSING, NEW),
        (status("Compliant", "False", "HealthCheckFailed"), STALLED, NEW),
        (status("Non-Compliant", "True", message=APPLIED), PROGRESSING, NEW),
        (status("Pending", "True", message=APPLIED), PROGRESSING, NEW),
        (status("Suspended", "True", message=APPLIED), PROGRESSING, NEW),
        (status("Unknown", "True", message=APPLIED), PROGRESSING, NEW),
        (status("Non-Compliant", "False", "HealthCheckFailed"), STALLED, NEW),
        (status("Non-Compliant", "False", "HealthCheckFailed", since=BEFORE), PROGRESSING, NEW),
        (status("Non-Compliant", "False", "BuildFailed"), STALLED, NEW),
        (status("Non-Compliant", "False", "DependencyNotReady"), PROGRESSING, NEW),
        (status("Pending", "False", "ProgressingWithRetry"), PROGRESSING, NEW),
    ],
)
def test_what_a_status_means(said: Mapping[str, Any], readiness: Readiness, revision: str) -> None:
    """READY needs compliance, the condition and a commit; a failure is of the commit fetched."""
    (word,) = AGENT.read("one", [resource(said)])
    assert (word.readiness, word.revision) == (readiness, revision)
    assert (word.cluster, word.application, word.component) == ("one", "storefront", "web")
    assert word.at == datetime(2026, 11, 20, 12, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "said",
    [
        status("Compliant", "True", message=APPLIED, kind="HelmRelease"),
        status("Compliant", "True", message=APPLIED, namespace="shop"),
        status("Compliant", "True", message=APPLIED, name="switchyard-sync"),
        status("Compliant", "True", message=APPLIED, statusConditions=[]),
        status("Compliant", "True", message=APPLIED, statusConditions=None),
    ],
)
def test_what_says_nothing_about_a_component(said: Mapping[str, Any]) -> None:
    """Such as a Kustomization that a tenant made in its own namespace, under a component's name."""
    assert AGENT.read("one", [resource(said)]) == ()


def test_without_any_commit_only_a_failure_says_something() -> None:
    running = status("Pending", "Unknown", "Progressing")
    assert AGENT.read("one", [resource(running, sourceSyncedCommitId=None)]) == ()
    failed = status("Non-Compliant", "False", "BuildFailed")
    (word,) = AGENT.read("one", [resource(failed, sourceSyncedCommitId=None)])
    assert (word.revision, word.readiness) == ("", STALLED)


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"name": "switchyard"},
        resource(status("Compliant", "True", message=APPLIED), name="platform"),
        resource(status("Compliant", "True", message=APPLIED), statusUpdatedAt=None),
        resource(statuses=None),
    ],
)
def test_what_is_not_ours_or_not_told_yet_says_nothing(item: Mapping[str, Any]) -> None:
    assert AGENT.read("one", [item]) == ()


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            status(
                "Non-Compliant",
                "False",
                message="no access",
                kind="GitRepository",
                name="switchyard",
            ),
            "cannot fetch the deploy repo: no access",
        ),
        (
            status("Non-Compliant", "False", message="no path", name="switchyard-sync"),
            "cannot apply its sync folder: no path",
        ),
    ],
)
def test_what_the_cluster_as_a_whole_cannot_do(said: dict[str, Any], message: str) -> None:
    (word,) = AGENT.read("one", [resource({**said, "appliedBy": None})])
    assert word.is_about_cluster
    assert (word.readiness, word.message) == (STALLED, message)


def test_a_cluster_that_fetches_again_says_so() -> None:
    said = status("Compliant", "True", message=f"stored artifact for revision 'main@sha1:{NEW}'")
    own = {**said, "kind": "GitRepository", "name": "switchyard", "appliedBy": None}
    (word,) = AGENT.read("one", [resource(own)])
    assert (word.is_about_cluster, word.readiness, word.message) == (True, READY, "")


def test_a_component_with_a_configuration_of_its_own_is_read_there() -> None:
    said = status(
        "Compliant",
        "True",
        message=APPLIED,
        name="switchyard-storefront-web",
        namespace="shop",
        appliedBy=None,
    )
    (word,) = AGENT.read("one", [resource(said, name="switchyard-storefront")])
    assert (word.application, word.component, word.readiness) == ("storefront", "web", READY)


def test_one_configuration_applies_the_sync_folder() -> None:
    """It does not change with what is merged, so that no application can prune another."""
    made = AGENT.api_objects(CLUSTER, [target("storefront"), target("billing")])
    assert made.cluster == (
        "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/edge/providers/"
        "Microsoft.Kubernetes/connectedClusters/one-k8s"
    )
    assert made == AGENT.api_objects(CLUSTER, [])
    assert made.objects == {
        "switchyard": {
            "scope": "cluster",
            "namespace": "switchyard-system",
            "sourceKind": "GitRepository",
            "suspend": False,
            "gitRepository": {
                "url": "https://forge/deploy",
                "repositoryRef": {"branch": "main"},
                "syncIntervalInSeconds": 60,
            },
            "kustomizations": {
                "sync": {
                    "path": "./clusters/one/sync",
                    "prune": True,
                    "wait": False,
                    "syncIntervalInSeconds": 600,
                    "retryIntervalInSeconds": 60,
                    "timeoutInSeconds": 300,
                }
            },
        }
    }


def test_with_scope_namespace_each_application_has_one() -> None:
    """A tenant's set-up stays with the cluster's: it has objects outside of namespaces."""
    settings = replace(SETTINGS, scope="namespace", git_secret="deploy-key")
    units = [
        target("billing", "api", settings=settings),
        target("billing", "db", settings=settings),
        target("storefront", settings=settings),
        target("tenant-shop", "namespace", settings=settings, is_tenant_setup=True),
    ]
    made: Any = AGENT.api_objects(replace(CLUSTER, settings=settings), units).objects
    assert sorted(made) == ["switchyard", "switchyard-billing", "switchyard-storefront"]
    billing = made["switchyard-billing"]
    assert (billing["scope"], billing["namespace"]) == ("namespace", "shop")
    assert billing["gitRepository"]["localAuthRef"] == "deploy-key"
    paths = {key: each["path"] for key, each in billing["kustomizations"].items()}
    assert paths == {
        "api": "./clusters/one/apps/shop/billing/api",
        "db": "./clusters/one/apps/shop/billing/db",
    }
    assert [bool(AGENT.references(each)) for each in units] == [False, False, False, True]
    assert AGENT.accounts(TenantTarget("one", settings, "shop", ("shop",), units[0].deploy)) == ()


@pytest.mark.parametrize(
    ("kind", "provider"),
    [
        ("connectedClusters", "Microsoft.Kubernetes"),
        ("managedClusters", "Microsoft.ContainerService"),
        ("provisionedClusters", "Microsoft.HybridContainerService"),
    ],
)
def test_each_type_of_cluster_has_its_provider(kind: Any, provider: str) -> None:
    made = AGENT.api_objects(replace(CLUSTER, settings=replace(SETTINGS, type=kind)), [])
    assert f"/providers/{provider}/{kind}/one-k8s" in made.cluster


def test_names_that_flux_cannot_write_as_labels_are_refused() -> None:
    settings = replace(SETTINGS, scope="namespace")
    assert AGENT.refusals(target("a" * 30, "b" * 33)) != ()
    assert AGENT.refusals(target("a" * 30, "b" * 32)) == ()
    assert AGENT.refusals(target("a" * 30, "b" * 23, settings=settings)) != ()
    assert AGENT.refusals(target("a" * 30, "b" * 21, settings=settings)) == ()


def test_events_of_its_flux_say_the_same_sooner() -> None:
    event = {
        "involvedObject": {"kind": "Kustomization", "name": "storefront.web"},
        "severity": "info",
        "reason": "ReconciliationSucceeded",
        "timestamp": TOLD,
        "message": "Reconciliation finished",
        "metadata": {"revision": f"main@sha1:{NEW}"},
    }
    (word,) = AGENT.report("one", json.dumps(event).encode())
    assert (word.application, word.component, word.readiness) == ("storefront", "web", READY)
    root = {"kind": "Kustomization", "name": "switchyard-sync"}
    failed = {**event, "involvedObject": root, "severity": "error", "reason": "BuildFailed"}
    (word,) = AGENT.report("one", json.dumps(failed).encode())
    assert (word.is_about_cluster, word.readiness) == (True, STALLED)


def test_the_guide_describes_a_cluster_and_the_same_configuration_with_az() -> None:
    guide = (Path(__file__).parents[3] / "docs/guides/deliver-with-azure.md").read_text()
    (document,) = re.findall(r"(?ms)^```yaml\n(.*?)^```$", guide)
    loaded = read_fleet({"clusters/eu-edge-1.yaml": document.encode()})
    assert not loaded.problems
    (cluster,) = loaded.fleet.clusters
    assert isinstance(cluster.agent_settings, AzureArcSettings)
    root = ClusterTarget(
        cluster="eu-edge-1",
        settings=cluster.agent_settings,
        deploy=Repo("local", "fleet/deploy"),
        url="https://forge.example.com/fleet/deploy",
        branch="main",
        sync_folder="clusters/eu-edge-1/sync",
        report_url="",
    )
    made = AGENT.api_objects(root, [])
    (command,) = re.findall(r"(?ms)^az k8s-configuration flux create (.*?)^```$", guide)
    options, _, kustomization = command.replace("\\\n", "").partition("--kustomization")
    given = dict(re.findall(r"--([a-z-]+) (\S+)", options))
    parts = dict(each.split("=") for each in kustomization.split())
    seconds = {"60s": 60, "10m": 600, "1m": 60, "5m": 300}
    assert made.objects == {
        given["name"]: {
            "scope": given["scope"],
            "namespace": given["namespace"],
            "sourceKind": "GitRepository",
            "suspend": False,
            "gitRepository": {
                "url": given["url"],
                "repositoryRef": {"branch": given["branch"]},
                "syncIntervalInSeconds": seconds[given["sync-interval"]],
            },
            "kustomizations": {
                parts["name"]: {
                    "path": parts["path"],
                    "prune": parts["prune"] == "true",
                    "wait": False,
                    "syncIntervalInSeconds": seconds[parts["sync_interval"]],
                    "retryIntervalInSeconds": seconds[parts["retry_interval"]],
                    "timeoutInSeconds": seconds[parts["timeout"]],
                }
            },
        }
    }
    assert made.cluster == (
        f"/subscriptions/{given['subscription']}/resourceGroups/{given['resource-group']}/providers/"
        f"Microsoft.Kubernetes/{given['cluster-type']}/{given['cluster-name']}"
    )
