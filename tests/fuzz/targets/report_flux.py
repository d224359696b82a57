"""Status reports of Flux: headers, a blank line, the event."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from bot.engine import discovery
from planners.model import Readiness
from plugins import MAX_MESSAGE_LENGTH, ReportError
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
        words = agent.report("edge-1", body)
    except ReportError as error:
        assert len(str(error)) < 500
        return
    for word in words:
        assert word.cluster == "edge-1"
        assert len(word.message) <= MAX_MESSAGE_LENGTH
        assert len(word.revision) == 40 or word.readiness is not Readiness.PROGRESSING
        word.at > NOW + timedelta(minutes=10)  # noqa: B015 - any time can be compared
        word.at.astimezone(UTC).isoformat()


def seeds() -> Iterator[bytes]:
    """Each readiness, each format of the revision, and events of something else."""
    for reason in ("ReconciliationSucceeded", "Progressing", "HealthCheckFailed"):
        body = json.dumps({**EVENT, "reason": reason, "severity": "error"}).encode()
        yield message({"x-signature": "sha256=SIGN"}, body)
    yield message({}, json.dumps({**EVENT, "metadata": {"revision": "main/" + "ab" * 20}}).encode())
    source = {"kind": "GitRepository", "name": "switchyard"}
    yield message({}, json.dumps({**EVENT, "involvedObject": source}).encode())
    origin = {"revision": "latest@sha256:" + "ab" * 32, "originRevision": "main@sha1:" + "ab" * 20}
    yield message({}, json.dumps({**EVENT, "metadata": origin}).encode())
    yield message({}, json.dumps({**EVENT, "timestamp": "0001-01-01T00:00:00+23:59"}).encode())


WORDS = (b"sha512=", b'"timestamp":', b"9999-12-31T23:59:59-23:59", b"main@sha1:", b'"metadata":')
TARGET = Target(check, seeds, WORDS, share=2)
