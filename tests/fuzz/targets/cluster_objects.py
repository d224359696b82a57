"""What API servers of clusters send, and kubeconfigs: inventories, objects and credentials."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

from bot.clusters.errors import ClusterError
from bot.clusters.kubeconfig import parse_kubeconfig
from plugins import MAX_MESSAGE_LENGTH
from plugins.kubernetes import Kubernetes
from renderers.inventory import DesiredState
from renderers.kubernetes.kstatus import ObjectStatus, judge
from tests.fuzz import Target

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
NOTHING = DesiredState((), frozenset(), frozenset({"local:d/d"}))


def check(data: bytes) -> None:
    """A status, words within their limits, and effects; credentials over TLS, or ClusterError."""
    _check_kubeconfig(data)
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return
    objects = [each for each in (found if isinstance(found, list) else [found]) if _is_object(each)]
    for each in objects:
        assert judge(each, NOW).status in ObjectStatus
    for word in Kubernetes().words("c1", objects, NOW):
        assert word.cluster == "c1"
        assert len(word.message) <= MAX_MESSAGE_LENGTH
    assert all(not each.items for each in Kubernetes().effects(NOTHING, objects))


def _is_object(item: object) -> bool:
    return isinstance(item, dict)


def _check_kubeconfig(data: bytes) -> None:
    try:
        credentials = parse_kubeconfig("file", data)
    except ClusterError:
        return
    assert credentials.server.lower().startswith("https://")
    assert credentials.token or credentials.client_key


def seeds() -> Iterator[bytes]:
    """An inventory with its object, a Job, a Pod, and a kubeconfig."""
    entry = {"apiVersion": "v1", "kind": "ConfigMap", "namespace": "shop", "name": "a", "uid": "u"}
    record = {
        "application": "shop",
        "component": "cart",
        "account": "a",
        "deploy": "local:d/d",
        "state": "applied",
        "message": "",
        "objects": [entry],
    }
    labels = {"switchyard.dev/inventory": "true"}
    metadata = {"name": "i", "namespace": "switchyard-system", "labels": labels}
    inventory = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": {"inventory.json": json.dumps(record)},
    }
    names = {"name": "a", "namespace": "shop", "uid": "u", "generation": 2}
    item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": names}
    yield json.dumps([inventory, item]).encode()
    failed = {"conditions": [{"type": "Failed", "status": "True", "reason": "x"}]}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": names, "status": failed}
    yield json.dumps(job).encode()
    state = {"name": "a", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    pod = {"phase": "Running", "containerStatuses": [state]}
    yield json.dumps({"apiVersion": "v1", "kind": "Pod", "status": pod}).encode()
    yield (
        b"current-context: m\ncontexts: [{name: m, context: {cluster: c, user: u}}]\n"
        b'clusters: [{name: c, cluster: {server: "https://a:6443"}}]\n'
        b"users: [{name: u, user: {token: t}}]\n"
    )


WORDS = (
    b'"conditions"',
    b'"observedGeneration"',
    b'"creationTimestamp"',
    b'"deletionTimestamp"',
    b'"Unschedulable"',
    b'"Deployment"',
    b'"apps/v1"',
    b'"spec"',
    b"inventory.json",
    b"exec",
    b"https://[",
    b"1e999",
    b"null",
)
TARGET = Target(check, seeds, WORDS, share=0.5)
