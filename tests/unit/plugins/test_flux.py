"""Flux's objects and events."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planners.model import Readiness, Unit
from plugins import ReportError
from plugins.flux import PLUGIN

KEY = b"key"
SHA = "a" * 40


def event(**changes: Any) -> bytes:
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
        "metadata": {"kustomize.toolkit.fluxcd.io/revision": f"main@sha1:{SHA}"},
    }
    return json.dumps({**made, **changes}).encode()


def test_a_success_is_ready_for_the_cluster_whose_key_signed() -> None:
    report = PLUGIN.report("eu-1", event(cluster="other"))

    assert report is not None
    assert (report.application, report.unit) == ("shop", Unit("cart", "eu-1"))
    assert (report.readiness, report.revision) == (Readiness.READY, SHA)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"reason": "Progressing"}, Readiness.PROGRESSING),
        ({"reason": "DependencyNotReady", "severity": "error"}, Readiness.PROGRESSING),
        ({"reason": "HealthCheckFailed", "severity": "error"}, Readiness.STALLED),
        ({"reason": "BuildFailed", "severity": "error"}, Readiness.STALLED),
        ({"reason": "SomethingNew"}, Readiness.PROGRESSING),
        ({"metadata": {"revision": f"main/{SHA}"}}, Readiness.READY),
    ],
)
def test_reasons_become_readiness(changes: dict[str, Any], expected: Readiness) -> None:
    report = PLUGIN.report("eu-1", event(**changes))

    assert report is not None
    assert report.readiness is expected


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
    assert PLUGIN.report("eu-1", event(involvedObject={"kind": "HelmRelease", "name": "x"})) is None
    assert (
        PLUGIN.report("eu-1", event(involvedObject={"kind": "Kustomization", "name": "x"})) is None
    )


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


def test_a_kustomization_runs_as_the_tenant_and_names_no_revision() -> None:
    (item,) = PLUGIN.references(Unit("cart", "eu-1"), "shop", "shop", "clusters/eu-1/apps/s/s/cart")

    spec = item["spec"]
    assert isinstance(spec, dict)
    assert spec["serviceAccountName"] == "switchyard"
    assert spec["targetNamespace"] == "shop"
    assert spec["prune"] is True
    assert "revision" not in json.dumps(item)
