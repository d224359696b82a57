"""Status reports of Flux: headers, a blank line, the event."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from bot.engine import discovery
from plugins import ReportError
from plugins.flux import MAX_MESSAGE_LENGTH
from tests.fuzz import Target
from tests.fuzz.requests import message, request

KEY = b"k" * 64
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
EVENT = {
    "involvedObject": {
        "kind": "Kustomization",
        "name": "storefront.web",
        "namespace": "flux-system",
    },
    "severity": "info",
    "timestamp": "2026-11-20T11:59:00Z",
    "message": "Reconciliation finished",
    "reason": "ReconciliationSucceeded",
    "metadata": {"kustomize.toolkit.fluxcd.io/revision": "main@sha1:" + "ab" * 20},
}


def _sign(body: bytes) -> str:
    return hmac.new(KEY, body, hashlib.sha256).hexdigest()


def check(data: bytes) -> None:
    """A report is about the cluster whose key signed it, and bounded; ReportError otherwise."""
    agent = discovery.agents()["flux"]
    headers, body = request(data, _sign)
    if agent.verify(headers, body, KEY):
        assert _sign(body) in headers["x-signature"] or "sha512" in headers["x-signature"]
    try:
        report = agent.report("edge-1", body)
    except ReportError as error:
        assert len(str(error)) < 500
        return
    if report is not None:
        assert report.unit.cluster == "edge-1"
        assert len(report.message) <= MAX_MESSAGE_LENGTH
        assert len(report.revision) == 40
        report.at > NOW + timedelta(minutes=10)  # noqa: B015 - any time can be compared
        report.at.astimezone(UTC).isoformat()


def seeds() -> Iterator[bytes]:
    """Each readiness, both formats of the revision, and an event of something else."""
    for reason in ("ReconciliationSucceeded", "Progressing", "HealthCheckFailed"):
        body = json.dumps({**EVENT, "reason": reason, "severity": "error"}).encode()
        yield message({"x-signature": "sha256=SIGN"}, body)
    yield message({}, json.dumps({**EVENT, "metadata": {"revision": "main/" + "ab" * 20}}).encode())
    yield message({}, json.dumps({**EVENT, "involvedObject": {"kind": "GitRepository"}}).encode())
    yield message({}, json.dumps({**EVENT, "timestamp": "0001-01-01T00:00:00+23:59"}).encode())


WORDS = (b"sha512=", b'"timestamp":', b"9999-12-31T23:59:59-23:59", b"main@sha1:", b'"metadata":')
TARGET = Target(check, seeds, WORDS, share=2)
