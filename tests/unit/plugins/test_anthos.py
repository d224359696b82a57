"""Config Sync's objects, reports, and what the statuses of its objects mean."""

import json
import re
import subprocess
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from bot.documents import read_fleet
from bot.engine.propose import propose
from planners.model import Cluster, Readiness, Repo
from plugins import ReportError, WatchedKind, Word
from plugins.anthos import PLUGIN, AnthosSettings, account_of
from renderers import yaml
from renderers.agents import ClusterTarget, Target, TenantTarget
from tests.fakes.builders import application, component, deployment, snapshot
from tests.fakes.crds import violations

COMMITS = {"A": "a" * 40, "B": "b" * 40, "C": "c" * 40, "": ""}
GUIDE = Path(__file__).parents[3] / "docs/guides/config-sync.md"
DATA = Path(__file__).parents[2] / "data"
KEY = b"k" * 64
URL = "https://git.example.com/{repo}.git"
SETTINGS = AnthosSettings(URL)
FOLDER = "clusters/eu-1/apps/retail/shop/cart"
NOON = "2026-11-20T12:00:00Z"


def _states() -> list[dict[str, Any]]:
    text = (Path(__file__).parent / "configsync_states.yaml").read_bytes()
    (document,) = yaml.load_documents(text)
    assert isinstance(document.value, list)
    return [each for each in document.value if isinstance(each, dict)]


def _errors(listed: list[list[str]]) -> list[dict[str, str]]:
    return [{"code": code, "errorMessage": message} for code, message in listed]


def _stage(state: dict[str, Any], name: str) -> dict[str, Any]:
    errors = state.get(f"{name}_errors", [])
    found: dict[str, Any] = {"lastUpdate": NOON, "errors": _errors(errors)}
    found["errorSummary"] = {"totalCount": state.get(f"{name}_count", len(errors))}
    commit = COMMITS[state.get(name, "B")]
    return {**found, "commit": commit} if commit else found


def _conditions(state: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for kind in ("Stalled", "Reconciling"):
        if kind.lower() in state:
            reason, message = state[kind.lower()]
            found.append({"type": kind, "status": "True", "reason": reason, "message": message})
    if "finalizer_errors" in state:
        errors = _errors(state["finalizer_errors"])
        failure = {"type": "ReconcilerFinalizerFailure", "status": "True", "errors": errors}
        found.append({**failure, "message": "Failed to delete managed resource objects"})
    if state.get("syncing", ["False", "B"]) is not None:
        status, commit = state.get("syncing", ["False", "B"])
        what = ("Sync", "Sync Completed") if status == "False" else ("Rendering", "Rendering")
        found.append(
            {
                "type": "Syncing",
                "status": status,
                "commit": COMMITS[commit],
                "reason": what[0],
                "message": what[1],
                "lastUpdateTime": NOON,
            }
        )
    return found


def repo_sync(
    state: dict[str, Any], name: str = "shop.cart", namespace: str = "retail"
) -> dict[str, Any]:
    """The RepoSync of a state of the table, as the API server returns it."""
    metadata = {"name": name, "namespace": namespace, "generation": state.get("generation", 1)}
    if state.get("deleted"):
        metadata["deletionTimestamp"] = NOON
    status = {
        "observedGeneration": 1,
        "source": _stage(state, "source"),
        "rendering": _stage(state, "rendering"),
        "sync": _stage(state, "synced"),
        "lastSyncedCommit": COMMITS[state.get("last", "B")],
        "conditions": _conditions(state),
    }
    return {
        "apiVersion": "configsync.gke.io/v1beta1",
        "kind": "RootSync" if namespace == "config-management-system" else "RepoSync",
        "metadata": metadata,
        "status": {} if state.get("empty") else status,
    }


def resource_group(state: dict[str, Any]) -> list[dict[str, Any]]:
    """The ResourceGroup of a state of the table, if there is one."""
    if state.get("missing"):
        return []
    words = state.get("entries", [["Current", "B", "Succeeded"]] * 2)
    entries: list[dict[str, Any]] = []
    for number, (status, commit, actuation) in enumerate(words):
        entry = {"group": "apps", "kind": "Deployment", "namespace": "retail"}
        entry |= {"name": f"cart-{number}", "status": status, "strategy": "Apply"}
        entry |= {"actuation": actuation, "sourceHash": COMMITS[commit][:7]}
        entries.append(entry)
    if "overlap" in state:
        overlap = {"type": "OwnershipOverlap", "status": "True", "reason": "Overlap"}
        entries[0]["conditions"] = [{**overlap, "message": state["overlap"]}]
    stalled = {"type": "Stalled", "status": "True", "reason": state.get("stalled")}
    conditions = [stalled] if "stalled" in state else []
    listed = [{"name": str(number)} for number in range(state.get("listed", len(entries)))]
    return [
        {
            "apiVersion": "kpt.dev/v1alpha1",
            "kind": "ResourceGroup",
            "metadata": {
                "name": "shop.cart",
                "namespace": "retail",
                "generation": state.get("generation", 2),
                "annotations": {"configsync.gke.io/status": state.get("mode", "enabled")},
            },
            "spec": {"resources": listed},
            "status": {
                "observedGeneration": 2,
                "resourceStatuses": entries,
                "conditions": conditions,
            },
        }
    ]


def objects(state: dict[str, Any]) -> list[dict[str, Any]]:
    return [repo_sync(state.get("sync", {})), *resource_group(state.get("group", {}))]


def said(words: tuple[Word, ...]) -> tuple[str, str, str]:
    """Readiness, commit and message of the only word."""
    if not words:
        return ("nothing", "", "")
    (word,) = words
    names = {commit: name or "-" for name, commit in COMMITS.items()}
    return (word.readiness.name, names[word.revision], word.message)


@pytest.mark.parametrize("state", _states(), ids=lambda state: str(state["state"]))
def test_what_a_status_means(state: dict[str, Any]) -> None:
    readiness, _, rest = str(state["means"]).partition(" ")
    revision, _, message = rest.partition(" ")

    found = said(PLUGIN.read("eu-1", objects(state)))

    assert found[:2] == (readiness, revision)
    assert found[2].startswith(message)
    assert str(state["source"])


@pytest.mark.parametrize("state", _states(), ids=lambda state: str(state["state"]))
def test_a_report_means_what_the_objects_mean(state: dict[str, Any]) -> None:
    at = datetime(2026, 11, 20, 13, tzinfo=UTC)
    body = {"at": at.isoformat(), "list": {"kind": "List", "items": objects(state)}}
    words = PLUGIN.report("eu-1", json.dumps(body).encode())

    assert said(words) == said(PLUGIN.read("eu-1", objects(state)))
    assert all(word.at == at for word in words)


def test_only_ready_follows_from_statuses_that_say_so_in_every_part() -> None:
    """Any part of the ready state that is left out or has another value takes READY away."""
    ready = objects({})
    assert said(PLUGIN.read("eu-1", ready))[0] == "READY"
    parts = [
        ("metadata", "generation"),
        ("status", "observedGeneration"),
        ("status", "lastSyncedCommit"),
        ("status", "source", "commit"),
        ("status", "sync", "commit"),
        ("status", "conditions"),
    ]
    entry = ("status", "resourceStatuses", 0)
    ways = [(0, path) for path in parts]
    ways += [(1, path) for path in [*parts[:2], ("spec", "resources"), ("status",)]]
    ways += [(1, (*entry, name)) for name in ("status", "sourceHash")]
    for index, path in ways:
        for value in (None, "other", 7, []):
            changed: Any = deepcopy(ready)
            place = changed[index]
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = value
            found = PLUGIN.read("eu-1", changed)
            assert not any(word.readiness is Readiness.READY for word in found), (path, value)


def test_the_time_is_that_of_the_newest_part() -> None:
    item = repo_sync({})
    item["status"]["sync"]["lastUpdate"] = "2026-11-20T12:00:07Z"
    (word,) = PLUGIN.read("eu-1", [item, *resource_group({})])

    assert word.at == datetime(2026, 11, 20, 12, 0, 7, tzinfo=UTC)
    assert (word.cluster, word.application, word.component) == ("eu-1", "shop", "cart")


@pytest.mark.parametrize(
    ("state", "readiness", "message"),
    [
        ({}, Readiness.READY, "synced"),
        (
            {"source": "", "source_errors": [["2004", "KNV2004: no route"]]},
            Readiness.STALLED,
            "cannot apply its sync folder: KNV2004: no route",
        ),
    ],
)
def test_the_root_speaks_of_the_cluster(
    state: dict[str, Any], readiness: Readiness, message: str
) -> None:
    (word,) = PLUGIN.read(
        "eu-1", [repo_sync(state, "switchyard-acme-deploy", "config-management-system")]
    )

    assert word.is_about_cluster
    assert (word.readiness, word.message) == (readiness, message)


def test_the_set_up_of_a_tenant_speaks_of_itself() -> None:
    item = repo_sync({}, "tenant-retail.tenant", "config-management-system")
    group = resource_group({})[0]
    group["metadata"] |= {"name": "tenant-retail.tenant", "namespace": "config-management-system"}
    (word,) = PLUGIN.read("eu-1", [item, group])

    assert (word.application, word.component) == ("tenant-retail", "tenant")
    assert word.readiness is Readiness.READY


def test_other_objects_say_nothing() -> None:
    foreign = repo_sync({}, "repo-sync")
    other = {**repo_sync({}), "apiVersion": "example.com/v1"}

    assert PLUGIN.read("eu-1", [foreign, other, *resource_group({})]) == ()


def test_a_group_of_another_namespace_does_not_count() -> None:
    group = resource_group({})[0]
    group["metadata"]["namespace"] = "other"

    assert said(PLUGIN.read("eu-1", [repo_sync({}), group]))[0] == "PROGRESSING"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"list": {"items": []}}',
        b'{"at": "yesterday", "list": {"items": []}}',
        b'{"at": "2026-11-20T12:00:00", "list": {"items": []}}',
        b'{"at": "2026-11-20T12:00:00Z", "list": {"items": {}}}',
    ],
)
def test_a_malformed_report_is_rejected(body: bytes) -> None:
    with pytest.raises(ReportError):
        PLUGIN.report("eu-1", body)


def test_only_the_bearer_of_the_key_is_believed() -> None:
    assert PLUGIN.verify({"authorization": f"Bearer {KEY.decode()}"}, b"", KEY)
    assert not PLUGIN.verify({"authorization": "Bearer other"}, b"", KEY)
    assert not PLUGIN.verify({"authorization": "Bearer "}, b"", b"")
    assert not PLUGIN.verify({}, b"", KEY)


def target(settings: AnthosSettings = SETTINGS, **changes: Any) -> Target:
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


def test_a_component_has_a_repo_sync_that_depends_on_the_rights_of_its_account() -> None:
    binding, sync = PLUGIN.references(target())

    assert violations(sync) == []
    assert binding["metadata"] == {"name": "switchyard.shop.cart", "namespace": "retail"}
    assert binding["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "Role",
        "name": "switchyard",
    }
    assert binding["subjects"] == [
        {
            "kind": "ServiceAccount",
            "name": "ns-reconciler-retail-shop.cart-9",
            "namespace": "config-management-system",
        }
    ]
    reference = "rbac.authorization.k8s.io/namespaces/retail/RoleBinding/switchyard.shop.cart"
    assert sync["metadata"] == {
        "name": "shop.cart",
        "namespace": "retail",
        "annotations": {
            "configsync.gke.io/deletion-propagation-policy": "Foreground",
            "config.kubernetes.io/depends-on": reference,
        },
    }
    assert sync["spec"] == {
        "sourceFormat": "unstructured",
        "git": {
            "repo": "https://git.example.com/acme/deploy.git",
            "branch": "main",
            "dir": FOLDER,
            "period": "1m0s",
            "auth": "token",
            "secretRef": {"name": "git-creds"},
        },
        "override": {"reconcileTimeout": "1m0s", "statusMode": "enabled"},
    }


def test_the_set_up_of_a_tenant_is_a_root_sync() -> None:
    """It creates the namespace in which the RepoSyncs are."""
    (sync,) = PLUGIN.references(target(application="tenant-retail", is_tenant_setup=True))

    assert violations(sync) == []
    assert (sync["kind"], sync["metadata"]) == (
        "RootSync",
        {
            "name": "tenant-retail.cart",
            "namespace": "config-management-system",
            "annotations": {"configsync.gke.io/deletion-propagation-policy": "Foreground"},
        },
    )
    tenant = TenantTarget("eu-1", SETTINGS, "retail", ("retail",), Repo("github", "acme/deploy"))
    assert PLUGIN.accounts(tenant) == ()


@pytest.mark.parametrize(
    ("namespace", "name", "account"),
    [
        ("retail", "repo-sync", "ns-reconciler-retail"),
        ("retail", "shop.cart", "ns-reconciler-retail-shop.cart-9"),
        ("a-b", "c.d", "ns-reconciler-a-b-c.d-3"),
    ],
)
def test_accounts_are_named_as_config_sync_names_them(
    namespace: str, name: str, account: str
) -> None:
    """Source: pkg/core/names.go NsReconcilerName."""
    assert account_of(namespace, name) == account


def test_several_components_of_a_namespace_have_accounts_of_their_own() -> None:
    bindings = [PLUGIN.references(target(component=each))[0] for each in ("cart", "web")]

    assert bindings[0]["subjects"] != bindings[1]["subjects"]


def test_names_that_config_sync_refuses_are_refused_when_planning() -> None:
    """Source: pkg/validate/rsync/validate/source_spec_validator.go RepoSyncName, RootSyncName."""
    fits, too_long = "c" * (45 - len("retail") - len("shop.")), "c" * (46 - len("retailshop."))
    assert PLUGIN.refusals(target(component=fits)) == ()
    (reason,) = PLUGIN.refusals(target(component=too_long))
    assert "and its namespace retail has 46 characters; Config Sync allows 45" in reason

    setup = {"application": "tenant-" + "t" * 24, "is_tenant_setup": True}
    assert PLUGIN.refusals(target(component="n" * 6, **setup)) == ()
    (reason,) = PLUGIN.refusals(target(component="n" * 7, **setup))
    assert "the RootSync tenant-" in reason
    assert "has 39 characters; Config Sync allows 38" in reason


def test_objects_that_a_repo_sync_does_not_take_are_refused_when_planning() -> None:
    """Source: pkg/parse/repository_scope.go, pkg/validate/scoped/validate/scope_validator.go."""
    names = [{"name": "a"}, {"name": "a", "namespace": "retail"}]
    names.append({"name": "a", "namespace": "retail-jobs"})
    items = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": each} for each in names]
    items.append({"apiVersion": "v1", "kind": "Namespace", "metadata": names[0]})
    refuse = PLUGIN.object_refusals  # type: ignore[attr-defined]

    assert refuse(target(), items[:2]) == ()
    assert refuse(target(is_tenant_setup=True), items) == ()
    elsewhere, cluster_wide = refuse(target(), items)
    assert elsewhere.startswith("Config Sync cannot apply ConfigMap/a in the namespace retail-jobs")
    assert "Namespace/a for the whole cluster" in cluster_wide


def test_a_plan_says_what_config_sync_does_not_take() -> None:
    """Only for clusters that have it."""
    fleet = (Cluster("c1", "flux"), Cluster("c2", "anthos", agent_settings=SETTINGS))
    start = snapshot(application(component("web")), fleet)
    elsewhere = deployment("web").replace(
        b"  name: web\nspec", b"  name: web\n  namespace: jobs\nspec"
    )
    found = propose(
        replace(
            start,
            tenant=replace(start.tenant, namespaces=("jobs",)),
            sources={"web": {"main.yaml": elsewhere}},
        )
    )

    (problem,) = found.problems
    assert "web@c2: Config Sync cannot apply Deployment/web in the namespace jobs" in str(problem)


@pytest.mark.parametrize(
    ("seconds", "text"), [(15, "15s"), (60, "1m0s"), (90, "1m30s"), (3600, "1h0m0s")]
)
def test_durations_are_as_config_sync_writes_them_back(seconds: int, text: str) -> None:
    """Seen on a real one: reconciler-manager updates the object, and 60s becomes 1m0s."""
    _, sync = PLUGIN.references(target(AnthosSettings(URL, period=timedelta(seconds=seconds))))

    assert f"'period': '{text}'" in str(sync)


def test_credentials_are_named_only_where_they_are_needed() -> None:
    """Source: pkg/validate/rsync/validate/source_spec_validator.go GitSpec (secretRef)."""
    for auth in ("none", "gcenode"):
        settings = AnthosSettings(URL, auth=auth)  # type: ignore[arg-type]
        _, sync = PLUGIN.references(target(settings))
        assert "secretRef" not in str(sync)


def test_the_root_makes_no_namespaces() -> None:
    where = ClusterTarget(
        "eu-1",
        SETTINGS,
        Repo("github", "acme/deploy"),
        url="https://git.example.com/acme/deploy.git",
        branch="trunk",
        sync_folder="clusters/eu-1/sync",
        report_url="",
    )
    (root,) = PLUGIN.cluster_references(where)

    assert violations(root) == []
    spec = root["spec"]
    assert isinstance(spec, dict)
    assert spec["override"] == {"namespaceStrategy": "explicit"}
    assert "'branch': 'trunk', 'dir': 'clusters/eu-1/sync'" in str(spec["git"])


def test_groups_are_read_after_the_syncs_that_they_belong_to() -> None:
    """A ResourceGroup that is newer than a completed sync has been reset by that sync."""
    kinds = PLUGIN.watched(SETTINGS)  # type: ignore[attr-defined]

    assert kinds == (
        WatchedKind("configsync.gke.io/v1beta1", "RootSync", "config-management-system"),
        WatchedKind("configsync.gke.io/v1beta1", "RepoSync", ""),
        WatchedKind("kpt.dev/v1alpha1", "ResourceGroup", ""),
    )


def guide_blocks() -> list[str]:
    return re.findall(r"(?ms)^```yaml\n(.*?)^```", GUIDE.read_text())


def test_the_guide_has_the_objects_that_an_administrator_applies() -> None:
    cluster, root, *others = guide_blocks()
    loaded = read_fleet({"clusters/eu-1.yaml": cluster.encode()})
    (eu_1,) = loaded.fleet.clusters
    assert isinstance(eu_1.agent_settings, AnthosSettings)
    where = ClusterTarget(
        "eu-1",
        eu_1.agent_settings,
        Repo("github", "fleet/deploy"),
        url="https://git.example.com/fleet/deploy.git",
        branch="main",
        sync_folder="clusters/eu-1/sync",
        report_url="",
    )

    assert not loaded.problems
    assert documents(root) == list(PLUGIN.cluster_references(where))
    for item in [each for block in others for each in documents(block)]:
        kubernetes_validate.validate(item, "1.37", strict=True)


def test_the_script_of_the_guide_sends_what_the_cluster_says(tmp_path: Path) -> None:
    """Run as written; `kubectl` answers from a file, and `curl` keeps what it would send."""
    (job,) = documents(guide_blocks()[3])
    (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    (tmp_path / "list.json").write_text(json.dumps({"kind": "List", "items": objects({})}))
    programs = {
        "kubectl": f'case "$*" in *jsonpath*) printf "retail\\nretail\\n";; '
        f'*"--namespace retail"*) cat {tmp_path}/list.json;; *) exit 1;; esac',
        "curl": f'printf "%s\\n" "$@" > {tmp_path}/arguments; cat > {tmp_path}/body',
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "KEY": KEY.decode(), "URL": "https://x"}
    done = subprocess.run([*container["command"], *container["args"]], env=environment, check=False)

    sent = dict(
        line.split(": ", 1)
        for line in (tmp_path / "arguments").read_text().splitlines()
        if ": " in line
    )
    assert done.returncode == 0
    assert PLUGIN.verify({name.lower(): value for name, value in sent.items()}, b"", KEY)
    assert said(PLUGIN.report("eu-1", (tmp_path / "body").read_bytes()))[0] == "READY"


def documents(block: str) -> list[dict[str, Any]]:
    return [each.value for each in yaml.load_documents(block.encode())]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "rollout",
            [
                ("PROGRESSING", "a", "being synced: Source"),
                ("READY", "a", "2 objects are Current"),
                ("READY", "b", "2 objects are Current"),
            ],
        ),
        ("failure", [("STALLED", "c", "Deployment web: Failed")]),
        ("correction", [("READY", "d", "2 objects are Current")]),
        ("refusal", [("STALLED", "e", 'KNV1058: Resources in the "shop" repo must')]),
        ("removal", [("READY", "f", "2 objects are Current")]),
    ],
)
def test_what_a_real_config_sync_went_through(
    name: str, expected: list[tuple[str, str, str]]
) -> None:
    """READY is said once, long after the sync, and nothing in between."""
    recorded = json.loads((DATA / f"anthos/{name}.json").read_text())
    found: list[tuple[str, str, str]] = []
    for each in recorded["events"]:
        items = each["event"]["list"]["items"]
        assert [violations(item) for item in items] == [[]] * len(items)
        for word in PLUGIN.report("eu-1", json.dumps(each["event"]).encode()):
            new = (word.readiness.name, word.revision[:1], word.message)
            if not found or found[-1] != new:
                found.append(new)

    assert len(found) == len(expected)
    for (readiness, commit, message), wanted in zip(found, expected, strict=True):
        assert (readiness, commit) == wanted[:2]
        assert message.startswith(wanted[2])
