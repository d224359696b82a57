"""Flux's objects, events and statuses."""

import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planners.model import Readiness, Repo
from plugins import ReportError, Word, bearer_matches, commit_of
from plugins.flux import PLUGIN, FluxSettings
from renderers.agents import Account, ClusterTarget, Target, TenantTarget

KEY = b"key"
SHA = "a" * 40
DEPLOY = Repo("local", "fleet/deploy")
READY, PROGRESSING, STALLED = Readiness.READY, Readiness.PROGRESSING, Readiness.STALLED


def event(**changes: Any) -> bytes:
    """As notification-controller 1.9 sends it: keys of metadata without the group's prefix."""
    made = {
        "involvedObject": {
            "kind": "Kustomization",
            "name": "shop.cart",
            "namespace": "flux-system",
        },
        "severity": "info",
        "timestamp": "2026-11-20T12:00:00Z",
        "message": "fine",
        "reason": "ReconciliationSucceeded",
        "metadata": {"commit_status": "update", "revision": f"main@sha1:{SHA}"},
    }
    return json.dumps({**made, **changes}).encode()


def said(**changes: Any) -> Word:
    (word,) = PLUGIN.report("eu-1", event(**changes))
    return word


def target(component: str = "cart", *, setup: bool = False, **settings: Any) -> Target:
    found = FluxSettings(**settings)
    folder = "clusters/eu-1/apps/s/s/cart"
    return Target("eu-1", found, "retail", "shop", component, ("shop",), folder, DEPLOY, setup)


def spec(of: Target) -> dict[str, Any]:
    (item,) = PLUGIN.references(of)
    found = item["spec"]
    assert isinstance(found, dict)
    return found


def test_a_success_is_ready_for_the_cluster_whose_key_signed() -> None:
    word = said(cluster="other")

    assert (word.cluster, word.application, word.component) == ("eu-1", "shop", "cart")
    assert (word.readiness, word.revision) == (READY, SHA)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"reason": "Progressing"}, PROGRESSING),
        ({"reason": "DependencyNotReady", "severity": "error"}, PROGRESSING),
        ({"reason": "HealthCheckCanceled", "severity": "error"}, PROGRESSING),
        ({"reason": "HealthCheckFailed", "severity": "error"}, STALLED),
        ({"reason": "BuildFailed", "severity": "error"}, STALLED),
        ({"reason": "SomethingNew"}, PROGRESSING),
        ({"metadata": {"revision": f"main/{SHA}"}}, READY),
        ({"metadata": {"kustomize.toolkit.fluxcd.io/revision": f"main@sha1:{SHA}"}}, READY),
    ],
)
def test_reasons_become_readiness(changes: dict[str, Any], expected: Readiness) -> None:
    assert said(**changes).readiness is expected


def test_of_an_artifact_the_origin_counts() -> None:
    digest = f"latest@sha256:{'b' * 64}"
    both = {"revision": digest, "originRevision": f"main@sha1:{SHA}"}

    assert said(metadata=both).revision == SHA
    with pytest.raises(ReportError, match="originRevision"):
        PLUGIN.report("eu-1", event(metadata={"revision": digest}))


def test_a_failure_without_a_revision_is_stalled_and_nothing_else_is() -> None:
    failed = said(reason="AccessDenied", severity="error", metadata={})

    assert (failed.readiness, failed.revision) == (STALLED, "")
    for reason in ("ReconciliationSucceeded", "Progressing"):
        with pytest.raises(ReportError):
            PLUGIN.report("eu-1", event(reason=reason, metadata={}))


@pytest.mark.parametrize(
    ("kind", "part", "what"),
    [
        ("GitRepository", "source", "cannot fetch the deploy repo"),
        ("Kustomization", "sync", "cannot apply its sync folder"),
    ],
)
def test_what_serves_all_components_speaks_for_the_cluster(kind: str, part: str, what: str) -> None:
    involved = {"kind": kind, "name": "switchyard-a-b", "namespace": "flux-system"}
    failed = said(involvedObject=involved, severity="error", reason="Failed", metadata={})

    assert failed.is_about_cluster
    assert (failed.component, failed.readiness) == (f"{part}-a-b", STALLED)
    assert failed.message == f"{what}: fine"
    again = said(involvedObject=involved)
    assert (again.component, again.readiness, again.message) == (f"{part}-a-b", READY, "")
    assert PLUGIN.report("eu-1", event(involvedObject=involved, reason="Progressing")) == ()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"[" * 5000,
        event(involvedObject=None),
        event(metadata={}),
        event(metadata={"revision": "main@sha1:short"}),
        event(timestamp="yesterday"),
        event(timestamp="2026-11-20T12:00:00"),
        event(timestamp="0001-01-01T00:00:00+23:59"),
        event(timestamp="9999-12-31T23:59:59-23:59"),
    ],
)
def test_a_malformed_report_is_rejected(body: bytes) -> None:
    with pytest.raises(ReportError):
        PLUGIN.report("eu-1", body)


def test_events_of_other_objects_are_ignored() -> None:
    for other in ({"kind": "HelmRelease", "name": "x"}, {"kind": "Kustomization", "name": "x"}):
        assert PLUGIN.report("eu-1", event(involvedObject=other)) == ()


def test_only_a_valid_signature_over_the_exact_body_is_accepted() -> None:
    body = event()
    good = hmac.new(KEY, body, hashlib.sha256).hexdigest()

    assert PLUGIN.verify({"x-signature": f"sha256={good}"}, body, KEY)
    assert not PLUGIN.verify({"x-signature": f"sha256={good}"}, body + b" ", KEY)
    assert not PLUGIN.verify({"x-signature": f"sha256={good}"}, body, b"other")
    assert not PLUGIN.verify({"x-signature": f"sha1={good}"}, body, KEY)
    assert not PLUGIN.verify({"x-signature": good}, body, KEY)
    assert not PLUGIN.verify({}, body, KEY)
    assert not PLUGIN.verify({"x-signature": "sha256="}, body, b"")


@given(st.text(), st.binary(max_size=200))
def test_verify_never_raises(signature: str, body: bytes) -> None:
    assert not PLUGIN.verify({"x-signature": signature}, body, KEY)


def test_a_bearer_token_is_the_key_itself() -> None:
    assert bearer_matches("Bearer key", KEY)
    assert bearer_matches("bearer  key ", KEY)
    for wrong in ("Bearer other", "Basic key", "key", "", "Bearer "):
        assert not bearer_matches(wrong, KEY)
    assert not bearer_matches("Bearer ", b"")


@pytest.mark.parametrize("text", [SHA, f"main/{SHA}", f"main@sha1:{SHA}", f"sha1:{SHA}"])
def test_a_commit_is_read_in_every_notation(text: str) -> None:
    assert commit_of(text) == SHA
    assert commit_of(text + "0") == ""
    assert commit_of([text]) == ""


def test_a_kustomization_runs_as_the_tenants_account_in_its_own_namespace() -> None:
    found = spec(target())

    assert found["serviceAccountName"] == "switchyard-retail"
    assert "targetNamespace" not in found  # it would move objects of the tenant's other namespaces
    assert found["prune"] is True
    assert "decryption" not in found
    tenant = TenantTarget("eu-1", FluxSettings(), "retail", ("shop", "shop-jobs"), DEPLOY)
    assert PLUGIN.accounts(tenant) == (Account("flux-system", "switchyard-retail"),)


def test_only_the_set_up_of_a_tenant_runs_with_the_rights_of_flux() -> None:
    found = spec(target(setup=True, sops=True))

    assert found["serviceAccountName"] == "kustomize-controller"
    assert "decryption" not in found


def test_settings_are_in_the_kustomization_and_in_the_age_of_reports() -> None:
    found = spec(target(interval=timedelta(minutes=30), timeout=timedelta(seconds=90), sops=True))

    assert (found["interval"], found["timeout"]) == ("30m", "90s")
    secret = {"name": "sops-retail"}
    assert found["decryption"] == {"provider": "sops", "secretRef": secret}
    assert FluxSettings().max_report_age == timedelta(minutes=25)
    assert FluxSettings(timedelta(hours=6)).max_report_age == timedelta(hours=12, minutes=5)


def test_a_name_that_is_too_long_for_a_label_is_refused() -> None:
    assert PLUGIN.refusals(target("c" * 58)) == ()
    (reason,) = PLUGIN.refusals(target("c" * 59))
    assert "64 characters of at most 63" in reason


def test_the_root_needs_no_more_than_a_repository_and_a_key() -> None:
    objects = PLUGIN.cluster_references(
        ClusterTarget(
            "eu-1",
            FluxSettings(git_secret="git"),
            Repo("github", "acme/deploy"),
            "https://git.example.com/deploy.git",
            "main",
            "clusters/eu-1/sync",
            "https://switchyard.example.com/reports/flux/eu-1",
        )
    )

    found = {(item["kind"], item["metadata"]["name"]): item["spec"] for item in objects}  # type: ignore[call-overload,index]
    assert found["GitRepository", "switchyard-acme-deploy"]["secretRef"] == {"name": "git"}  # type: ignore[call-overload,index]
    root = found["Kustomization", "switchyard-acme-deploy"]
    assert root["serviceAccountName"] == "kustomize-controller"  # type: ignore[call-overload,index]
    assert root["path"] == "./clusters/eu-1/sync"  # type: ignore[call-overload,index]
    assert {name for kind, name in found if kind == "Alert"} == {
        "switchyard",
        "switchyard-acme-deploy-source",
    }


def kustomization(name: str = "shop.cart", **status: Any) -> dict[str, Any]:
    return {
        "kind": "Kustomization",
        "metadata": {"name": name, "generation": 2},
        "status": {"observedGeneration": 2, **status},
    }


def ready(status: str, reason: str = "ReconciliationSucceeded") -> dict[str, Any]:
    at = "2026-11-20T12:00:00Z"
    condition = {"type": "Ready", "status": status, "reason": reason, "message": "m"}
    return {"conditions": [{**condition, "lastTransitionTime": at}]}


APPLIED = {"lastAppliedRevision": f"main@sha1:{SHA}", "lastAttemptedRevision": f"main/{'b' * 40}"}


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (kustomization(**APPLIED, **ready("True")), (READY, SHA)),
        (
            kustomization(**{**APPLIED, **ready("True"), "observedGeneration": 1}),
            (PROGRESSING, "b" * 40),
        ),
        (kustomization(**APPLIED, **ready("Unknown", "Progressing")), (PROGRESSING, "b" * 40)),
        (kustomization(**APPLIED, **ready("False", "DependencyNotReady")), (PROGRESSING, "b" * 40)),
        (kustomization(**APPLIED, **ready("False", "HealthCheckFailed")), (STALLED, "b" * 40)),
        (kustomization(**ready("False", "ArtifactFailed")), (STALLED, "")),
        (
            kustomization(
                lastAppliedRevision=f"latest@sha256:{'c' * 64}",
                lastAppliedOriginRevision=f"main@sha1:{SHA}",
                **ready("True"),
            ),
            (READY, SHA),
        ),
    ],
    ids=range(7),
)
def test_a_status_is_read(item: dict[str, Any], expected: tuple[Readiness, str]) -> None:
    (word,) = PLUGIN.read("eu-1", [item])

    assert (word.readiness, word.revision) == expected
    assert (word.cluster, word.application, word.component) == ("eu-1", "shop", "cart")


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"kind": "Kustomization", "metadata": {"name": "shop.cart"}},
        kustomization(conditions=None),
        kustomization(conditions=[{"type": "Healthy"}]),
        kustomization(**ready("True")),
        kustomization("other", **APPLIED, **ready("True")),
        {**kustomization(**APPLIED, **ready("True")), "kind": "HelmRelease"},
    ],
    ids=range(7),
)
def test_a_status_that_says_nothing_is_no_word(item: dict[str, Any]) -> None:
    assert PLUGIN.read("eu-1", [item]) == ()


def test_a_repository_that_cannot_be_fetched_is_a_word_about_the_cluster() -> None:
    failed = {
        **kustomization("switchyard", **ready("False", "GitOperationFailed")),
        "kind": "GitRepository",
    }

    (word,) = PLUGIN.read("eu-1", [failed])

    assert word.is_about_cluster
    assert word.message == "cannot fetch the deploy repo: m"
