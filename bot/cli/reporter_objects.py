"""The objects that run `switchyard report` in a cluster: a CronJob that may read one agent.

Sources: Kubernetes documentation, "CronJob", "Pod Security Standards" (restricted), "Using RBAC
Authorization": listing a kind needs `list` alone; discovery is open to every account.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from zlib import crc32

from planners.model import Json
from plugins import WatchedKind
from renderers.kubernetes.kinds import known_kind

NAME = NAMESPACE = "switchyard-reporter"
SECRETS = "/run/secrets/switchyard"
SERVICES = WatchedKind("v1", "Service", "")
"""What has the addresses of load balancers, in all namespaces."""
MINUTES = 5
"""Between two documents; well below the shortest default of a maximum report age."""

Object = dict[str, Json]
_RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True, slots=True)
class Reporter:
    """A cluster's reporter: what it reads, its arguments and variables, and its image."""

    cluster: str
    kinds: tuple[WatchedKind, ...]
    arguments: tuple[str, ...]
    variables: Mapping[str, str]
    image: str


def reporter_objects(reporter: Reporter) -> tuple[Object, ...]:
    """Everything but the Secret, whose content is in no manifest."""
    labels: Json = {"pod-security.kubernetes.io/enforce": "restricted"}
    account: Object = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "automountServiceAccountToken": False,
    }
    namespace: Object = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": labels},
    }
    return (namespace, account, *_rights(reporter.kinds), _cron_job(reporter))


def _rights(kinds: Iterable[WatchedKind]) -> Iterable[Object]:
    """A role in each namespace of the agent, for its kinds alone; one for all if it has to be."""
    by_namespace: dict[str, list[WatchedKind]] = {}
    for each in kinds:
        by_namespace.setdefault(each.namespace, []).append(each)
    for namespace, found in by_namespace.items():
        scope, where = ("", {"namespace": namespace}) if namespace else ("Cluster", {})
        metadata: Json = {"name": NAME, **where}
        role = f"{scope}Role"
        rules: Json = [_rule(each) for each in found]
        yield {
            "apiVersion": f"{_RBAC}/v1",
            "kind": role,
            "metadata": metadata,
            "rules": rules,
        }
        yield {
            "apiVersion": f"{_RBAC}/v1",
            "kind": f"{role}Binding",
            "metadata": metadata,
            "roleRef": {"apiGroup": _RBAC, "kind": role, "name": NAME},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}],
        }


def _rule(watched: WatchedKind) -> Json:
    group = watched.api_version.rpartition("/")[0]
    plural = known_kind(group, watched.kind).plural
    return {"apiGroups": [group], "resources": [plural], "verbs": ["list"]}


def _cron_job(reporter: Reporter) -> Object:
    first = crc32(reporter.cluster.encode()) % MINUTES
    pod: Json = {
        "serviceAccountName": NAME,
        "automountServiceAccountToken": True,
        "restartPolicy": "Never",
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "fsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(reporter)],
        "volumes": [
            {"name": "tmp", "emptyDir": {"sizeLimit": "16Mi"}},
            {"name": "secrets", "secret": {"secretName": NAME, "defaultMode": 0o440}},
        ],
    }
    job: Json = {
        "activeDeadlineSeconds": 120,
        "backoffLimit": 0,
        "template": {"spec": pod},
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {
            "schedule": f"{first}-59/{MINUTES} * * * *",
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 120,
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 1,
            "jobTemplate": {"spec": job},
        },
    }


def _container(reporter: Reporter) -> Json:
    return {
        "name": "report",
        "image": reporter.image,
        "args": ["report", reporter.cluster, *reporter.arguments, "--secrets-dir", SECRETS],
        "env": [{"name": name, "value": text} for name, text in reporter.variables.items()],
        "resources": {
            "requests": {"cpu": "50m", "memory": "192Mi"},
            "limits": {"memory": "384Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod's own
            {"name": "secrets", "mountPath": SECRETS, "readOnly": True},
        ],
    }
