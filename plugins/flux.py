"""Flux: one Kustomization per component, and the events of its notification-controller.

Sources: the Flux API reference for Kustomization v1, and notification-controller's documentation
(Provider `generic-hmac`, Event v1beta1).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from planners.model import Json, Readiness, Unit
from plugins import Agent, ReportError, StatusReport, signature_matches

MAX_BODY_BYTES = 256 * 1024
MAX_MESSAGE_LENGTH = 500
NAMESPACE = "flux-system"
_REVISION = re.compile(r"(?:[^@]*@)?sha1:([0-9a-f]{40})|[^/]+/([0-9a-f]{40})")
_REVISION_KEYS = ("kustomize.toolkit.fluxcd.io/revision", "revision")
_NAME = re.compile(r"([a-z0-9-]+)\.([a-z0-9-]+)")
_PROGRESSING = frozenset({"Progressing", "ProgressingWithRetry", "DependencyNotReady"})


@dataclass(frozen=True, slots=True)
class Flux:
    """Clusters bootstrapped with Flux on their `sync` folder."""

    name: str = "flux"

    def references(
        self, unit: Unit, application: str, namespace: str, objects_folder: str
    ) -> tuple[dict[str, Json], ...]:
        """One Kustomization, applied as the tenant's service account, never as Flux itself.

        The exception is the tenant set-up (no `namespace`), which creates that service account.
        """
        account = {"targetNamespace": namespace, "serviceAccountName": "switchyard"}
        restrictions: dict[str, Json] = {**account} if namespace else {}
        return (
            {
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
                "kind": "Kustomization",
                "metadata": {"name": f"{application}.{unit.component}", "namespace": NAMESPACE},
                "spec": {
                    "interval": "10m",
                    "retryInterval": "1m",
                    "timeout": "5m",
                    "prune": True,
                    "wait": True,
                    "path": f"./{objects_folder}",
                    **restrictions,
                    "sourceRef": {"kind": "GitRepository", "name": "switchyard"},
                },
            },
        )

    def verify(self, headers: Mapping[str, str], body: bytes, key: bytes) -> bool:
        """`X-Signature: sha256=<hex>` over the exact body, as Provider `generic-hmac` sends it."""
        return signature_matches(headers.get("x-signature", ""), body, key)

    def report(self, cluster: str, body: bytes) -> StatusReport | None:
        """Parse an Event; None if it does not concern a Kustomization of Switchyard."""
        event = _parse(body)
        involved = event.get("involvedObject")
        if not isinstance(involved, dict):
            raise ReportError("the event has no involvedObject")
        name = _NAME.fullmatch(str(involved.get("name", "")))
        if involved.get("kind") != "Kustomization" or name is None:
            return None
        return StatusReport(
            application=name[1],
            unit=Unit(name[2], cluster),
            revision=_revision(event.get("metadata")),
            readiness=_readiness(event),
            message=str(event.get("message", ""))[:MAX_MESSAGE_LENGTH],
            at=_time(event.get("timestamp")),
        )


def _parse(body: bytes) -> dict[str, Any]:
    if len(body) > MAX_BODY_BYTES:
        raise ReportError(f"the event is larger than {MAX_BODY_BYTES} bytes")
    try:
        event = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ReportError("the event is not JSON") from error
    if not isinstance(event, dict):
        raise ReportError("the event is not a JSON object")
    return event


def _revision(metadata: object) -> str:
    """The commit in `main@sha1:<id>`, or in the older format `main/<id>`."""
    if isinstance(metadata, dict):
        for key in _REVISION_KEYS:
            match = _REVISION.fullmatch(str(metadata.get(key, "")))
            if match:
                return match[1] or match[2]
    raise ReportError("the event's metadata has no revision with a Git commit")


def _readiness(event: Mapping[str, Any]) -> Readiness:
    """An error is STALLED: Flux retries, but people should investigate."""
    reason = str(event.get("reason", ""))
    if reason in _PROGRESSING:
        return Readiness.PROGRESSING
    if event.get("severity") == "error":
        return Readiness.STALLED
    return Readiness.READY if reason == "ReconciliationSucceeded" else Readiness.PROGRESSING


def _time(text: object) -> datetime:
    try:
        found = datetime.fromisoformat(str(text))
        found.astimezone(UTC)
    except (OverflowError, ValueError) as error:
        raise ReportError("the event has no timestamp (RFC 3339)") from error
    if found.tzinfo is None:
        raise ReportError("the event's timestamp has no time zone")
    return found


PLUGIN: Agent = Flux()
