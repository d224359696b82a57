"""Argo CD's objects, notifications, and what the status of an Application means."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.documents import read_fleet
from planners.model import Readiness, Repo
from plugins import ReportError, Word
from plugins.argocd import PLUGIN, ArgoCDSettings
from renderers import yaml
from renderers.agents import ClusterTarget, Target, TenantTarget
from tests.fakes.crds import violations

COMMITS = {"A": "a" * 40, "B": "b" * 40, "C": "c" * 40}
GUIDE = Path(__file__).parents[3] / "docs/guides/argo-cd.md"
DATA = Path(__file__).parents[2] / "data"
KEY = b"k" * 64
URL = "https://git.example.com/{repo}.git"
OWN = ArgoCDSettings(URL)
HUB = ArgoCDSettings(URL, hub="hub-1")
FOLDER = "clusters/eu-1/apps/retail/shop/cart"


def _states() -> list[dict[str, Any]]:
    text = (Path(__file__).parent / "argocd_states.yaml").read_bytes()
    (document,) = yaml.load_documents(text)
    assert isinstance(document.value, list)
    return [each for each in document.value if isinstance(each, dict)]


def _at(value: object) -> object:
    return f"2026-11-20T{value}Z" if value else value


def _timed(part: dict[str, Any]) -> dict[str, Any]:
    names = ("lastTransitionTime", "startedAt", "finishedAt")
    return {**part, **{name: _at(part[name]) for name in names if name in part}}


def application(state: dict[str, Any], name: str = "shop.cart") -> dict[str, Any]:
    """The Application of a state of the table, as the API server returns it."""
    sync = dict(state["sync"])
    if "revision" in sync:
        sync["revision"] = COMMITS[sync["revision"]]
    status: dict[str, Any] = {"sync": sync, "health": _timed(state["health"])}
    if "operation" in state:
        operation = _timed(state["operation"])
        revision = operation.pop("revision", None)
        result = {"syncResult": {"revision": COMMITS[revision]}} if revision else {}
        status["operationState"] = {**operation, **result}
    if "reconciledAt" in state:
        status["reconciledAt"] = _at(state["reconciledAt"])
    if "conditions" in state:
        status["conditions"] = [_timed(each) for each in state["conditions"]]
    pending = {"operation": {"sync": {"revision": COMMITS["B"]}}} if state.get("pending") else {}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name},
        "spec": {"helm": {"values": "password: secret"}},
        "status": status,
        **pending,
    }


def said(words: tuple[Word, ...]) -> tuple[str, str, str]:
    """Readiness, commit and message of the only word."""
    if not words:
        return ("nothing", "", "")
    (word,) = words
    names = {commit: name for name, commit in COMMITS.items()}
    return (word.readiness.name, names.get(word.revision, "-"), word.message)


@pytest.mark.parametrize("state", _states(), ids=lambda state: str(state["state"]))
def test_what_a_status_means(state: dict[str, Any]) -> None:
    readiness, _, rest = str(state["means"]).partition(" ")
    revision, _, message = rest.partition(" ")

    found = said(PLUGIN.read("eu-1", [application(state)]))

    assert found[:2] == (readiness, revision)
    assert message in found[2]
    assert str(state["source"])


@pytest.mark.parametrize("state", _states(), ids=lambda state: str(state["state"]))
def test_a_notification_means_what_the_object_means(state: dict[str, Any]) -> None:
    item = application(state)

    assert PLUGIN.report("eu-1", json.dumps(item).encode()) == PLUGIN.read("eu-1", [item])


def test_only_ready_follows_from_a_status_that_says_so_in_every_part() -> None:
    """READY takes Synced, Healthy, no operation, no error and fresh health: all of them."""
    (ready,) = (each for each in _states() if each["state"].startswith("synced, and the health"))
    spoilt: list[dict[str, Any]] = [
        {"sync": {**ready["sync"], "status": "OutOfSync"}},
        {"health": {**ready["health"], "status": "Progressing"}},
        {"health": {**ready["health"], "lastTransitionTime": "12:00:09"}},
        {"operation": {**ready["operation"], "phase": "Running"}},
        {"operation": {**ready["operation"], "phase": "Failed"}},
        {"conditions": [{"type": "ComparisonError", "message": "x"}]},
        {"conditions": [{"type": "SharedResourceWarning", "message": "x"}]},
        {"conditions": [{"type": "ExcludedResourceWarning", "message": "x"}]},
        {"pending": True},
        {"reconciledAt": "12:00:09"},
    ]

    assert said(PLUGIN.read("eu-1", [application(ready)]))[0] == "READY"
    for change in spoilt:
        assert said(PLUGIN.read("eu-1", [application({**ready, **change})]))[0] != "READY", change


def test_the_time_is_that_of_the_newest_part() -> None:
    (state,) = (each for each in _states() if each["state"].startswith("the Application itself"))
    (word,) = PLUGIN.read("eu-1", [application(state)])

    assert word.at == datetime(2026, 11, 20, 12, 0, 1, tzinfo=UTC)


def test_a_hub_speaks_of_the_cluster_in_the_name() -> None:
    state = _states()[0]
    (word,) = PLUGIN.read("hub-1", [application(state, "eu-1.shop.cart")])

    assert (word.cluster, word.application, word.component) == ("eu-1", "shop", "cart")


@pytest.mark.parametrize(
    ("name", "cluster"), [("switchyard-a", "hub-1"), ("switchyard-a-b.eu-1", "eu-1")]
)
def test_the_root_application_says_what_is_wrong_and_that_it_no_longer_is(
    name: str, cluster: str
) -> None:
    by_name = {str(each["state"]): each for each in _states()}
    failed = application(by_name["the sync failed"], name)
    words = PLUGIN.read("hub-1", [failed, application(_states()[0], name)])

    assert [each.is_about_cluster for each in words] == [True, True]
    assert [(each.cluster, each.readiness) for each in words] == [
        (cluster, Readiness.STALLED),
        (cluster, Readiness.READY),
    ]
    assert words[0].message.startswith("cannot apply its sync folder: one or more objects")
    assert words[1].message == ""


def test_other_objects_and_applications_say_nothing() -> None:
    other = application(_states()[0], "grafana")
    project = {**application(_states()[0]), "kind": "AppProject"}

    assert PLUGIN.read("eu-1", [other, project]) == ()
    assert PLUGIN.report("eu-1", json.dumps(other).encode()) == ()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"metadata": {"name": "shop.cart"}}',
        b'{"metadata": {"name": "shop.cart"}, "status": {"reconciledAt": "yesterday"}}',
        b'{"metadata": {"name": "shop.cart"}, "status": {"reconciledAt": "2026-11-20T12:00:00"}}',
        b'{"metadata": {"name": "shop.cart"}, "status": {"reconciledAt": 5}}',
    ],
)
def test_a_malformed_notification_is_rejected(body: bytes) -> None:
    with pytest.raises(ReportError):
        PLUGIN.report("eu-1", body)


def test_only_the_bearer_of_the_key_is_believed() -> None:
    assert PLUGIN.verify({"authorization": f"Bearer {KEY.decode()}"}, b"", KEY)
    assert not PLUGIN.verify({"authorization": "Bearer other"}, b"", KEY)
    assert not PLUGIN.verify({"authorization": KEY.decode()}, b"", KEY)
    assert not PLUGIN.verify({"authorization": "Bearer "}, b"", b"")
    assert not PLUGIN.verify({}, b"", KEY)


def target(settings: ArgoCDSettings, **changes: Any) -> Target:
    made: dict[str, Any] = {
        "cluster": "eu-1",
        "settings": settings,
        "tenant": "retail",
        "application": "shop",
        "component": "cart",
        "namespaces": ("retail", "retail-jobs"),
        "folder": FOLDER,
        "deploy": Repo("github", "acme/deploy"),
    }
    return Target(**{**made, **changes})


def setup(settings: ArgoCDSettings) -> Target:
    return target(settings, application="tenant-retail", component="tenant", is_tenant_setup=True)


def cluster_target(settings: ArgoCDSettings) -> ClusterTarget:
    return ClusterTarget(
        "eu-1",
        settings,
        Repo("github", "acme/deploy"),
        url="https://git.example.com/acme/deploy.git",
        branch="main",
        sync_folder="clusters/eu-1/sync",
        report_url="https://switchyard.example.com/reports/argocd/hub-1",
    )


@pytest.mark.parametrize("settings", [OWN, HUB], ids=["own", "hub"])
def test_its_objects_are_what_the_api_server_takes(settings: ArgoCDSettings) -> None:
    items = (
        *PLUGIN.references(target(settings)),
        *PLUGIN.references(setup(settings)),
        *PLUGIN.cluster_references(cluster_target(settings)),
    )

    assert [(item["kind"], violations(item)) for item in items] == [
        ("Application", []),
        ("AppProject", []),
        ("Application", []),
        ("AppProject", []),
        ("Application", []),
        ("ConfigMap", []),
    ]


def test_an_application_is_synced_at_once_pruned_and_goes_with_its_objects() -> None:
    (item,) = PLUGIN.references(target(OWN))

    assert item["metadata"] == {
        "name": "shop.cart",
        "namespace": "argocd",
        "annotations": {
            "argocd.argoproj.io/compare-options": "ServerSideDiff=true",
            "argocd.argoproj.io/manifest-generate-paths": ".",
            "notifications.argoproj.io/subscribe.switchyard.switchyard": "",
        },
        "finalizers": ["resources-finalizer.argocd.argoproj.io"],
    }
    assert item["spec"] == {
        "project": "switchyard-retail",
        "source": {
            "repoURL": "https://git.example.com/acme/deploy.git",
            "targetRevision": "HEAD",
            "path": FOLDER,
        },
        "destination": {"server": "https://kubernetes.default.svc", "namespace": "retail"},
        "syncPolicy": {
            "automated": {"allowEmpty": True, "prune": True, "selfHeal": True},
            "retry": {
                "backoff": {"duration": "5s", "factor": 2, "maxDuration": "3m"},
                "limit": 5,
                "refresh": True,
            },
            "syncOptions": ["CreateNamespace=false", "ServerSideApply=true"],
        },
    }


def test_no_object_has_a_window_a_wave_or_an_application_set() -> None:
    for settings in (OWN, HUB):
        items = (
            *PLUGIN.references(target(settings)),
            *PLUGIN.references(setup(settings)),
            *PLUGIN.cluster_references(cluster_target(settings)),
        )
        text = json.dumps(items)
        assert not any(word in text for word in ("syncWindows", "sync-wave", "ApplicationSet"))


def test_a_tenant_reaches_its_namespaces_on_one_cluster_as_its_account() -> None:
    project, application_of_setup = PLUGIN.references(setup(HUB))

    assert project["metadata"] == {
        "name": "switchyard-retail.eu-1",
        "namespace": "argocd",
        "finalizers": ["resources-finalizer.argocd.argoproj.io"],
    }
    account = {"server": "*", "defaultServiceAccount": "retail:switchyard"}
    assert project["spec"] == {
        "description": "Tenant retail on eu-1",
        "sourceRepos": ["https://git.example.com/acme/deploy.git"],
        "destinations": [
            {"name": "eu-1", "namespace": "retail"},
            {"name": "eu-1", "namespace": "retail-jobs"},
        ],
        "destinationServiceAccounts": [
            {**account, "namespace": "retail"},
            {**account, "namespace": "retail-jobs"},
        ],
        "clusterResourceWhitelist": [],
    }
    spec = application_of_setup["spec"]
    assert isinstance(spec, dict)
    assert spec["project"] == "switchyard.eu-1"
    accounts = PLUGIN.accounts(
        TenantTarget("eu-1", HUB, "retail", ("retail", "retail-jobs"), Repo("github", "acme/x"))
    )
    assert [(each.namespace, each.name) for each in accounts] == [("retail", "switchyard")]


def test_a_hub_has_another_name_and_destination_for_each_cluster() -> None:
    settings = ArgoCDSettings(URL, hub="hub-1", destination="eu-west-1")
    (item,) = PLUGIN.references(target(settings))

    spec = item["spec"]
    assert isinstance(spec, dict)
    assert str(item["metadata"]).startswith("{'name': 'eu-1.shop.cart'")
    assert spec["destination"] == {"name": "eu-west-1", "namespace": "retail"}
    assert settings.speaker == "hub-1"


def test_a_tenant_may_use_the_deploy_repos_of_all_its_applications() -> None:
    other = target(
        OWN,
        application="tenant-retail",
        component="tenant",
        is_tenant_setup=True,
        other_deploys=(Repo("github", "acme/b"), Repo("github", "acme/deploy")),
    )
    project = PLUGIN.references(other)[0]["spec"]

    assert isinstance(project, dict)
    assert project["sourceRepos"] == [
        "https://git.example.com/acme/b.git",
        "https://git.example.com/acme/deploy.git",
    ]


def test_an_application_that_has_the_name_of_a_root_is_refused() -> None:
    (reason,) = PLUGIN.refusals(target(OWN, application="switchyard-a", component="eu-1"))
    assert reason.endswith("is that of deploy repos; rename it")
    assert PLUGIN.refusals(target(OWN, application="switchyards")) == ()


def test_names_too_long_for_a_label_are_refused_where_argo_cd_tracks_by_label() -> None:
    long = {"application": "a" * 30, "component": "c" * 30}
    by_label = ArgoCDSettings(URL, hub="hub-1", tracks_by_label=True)

    assert PLUGIN.refusals(target(HUB, **long)) == ()
    assert PLUGIN.refusals(target(ArgoCDSettings(URL, tracks_by_label=True), **long)) == ()
    (reason,) = PLUGIN.refusals(target(by_label, **long))
    assert "has 66 characters of at most 63" in reason


def test_the_guide_has_the_objects_that_an_administrator_applies() -> None:
    blocks = re.findall(r"(?ms)^```yaml\n(.*?)^```", GUIDE.read_text())
    documents = [[each.value for each in yaml.load_documents(block.encode())] for block in blocks]
    fleet = {f"clusters/{n}.yaml": blocks[n].encode() for n in (0, 2)}
    hub = b"metadata: {name: hub-1}\nspec: {agent: flux}\n"
    head = b"apiVersion: switchyard.dev/v1alpha1\nkind: Cluster\n"
    loaded = read_fleet({**fleet, "clusters/hub.yaml": head + hub})
    eu_1, eu_2, _ = loaded.fleet.clusters
    address = "https://switchyard.example.com/reports/argocd/eu-1"
    assert isinstance(eu_1.agent_settings, ArgoCDSettings)
    where = ClusterTarget(
        "eu-1",
        eu_1.agent_settings,
        Repo("github", "fleet/deploy"),
        url="https://git.example.com/fleet/deploy.git",
        branch="main",
        sync_folder="clusters/eu-1/sync",
        report_url=address,
    )

    assert not loaded.problems
    assert documents[1] == list(PLUGIN.cluster_references(where))
    assert eu_2.agent_settings == ArgoCDSettings(URL, hub="hub-1", destination="eu-2-prod")


def test_what_a_real_argo_cd_went_through() -> None:
    """The last state of each step of the recording; a minute after a sync Healthy counts."""
    recorded = json.loads((DATA / "argocd/currency.json").read_text())
    last = {str(each["step"]): each["status"] for each in recorded["states"]}
    base = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application"}
    named = {**base, "metadata": {"name": "shop.currency"}}
    reverted = last["Healthy again after a revert"]
    last["compared a minute later"] = {**reverted, "reconciledAt": "2100-01-01T00:00:00Z"}

    found = {
        step: [word.readiness.name for word in PLUGIN.read("eu-1", [{**named, "status": status}])]
        for step, status in last.items()
    }

    assert found == {
        "Healthy at the pushed revision": ["READY"],
        "Degraded with an image that does not exist": ["STALLED"],
        "Healthy again after a revert": ["PROGRESSING"],
        "refused outside of the project's namespaces": ["STALLED"],
        "compared a minute later": ["READY"],
    }
