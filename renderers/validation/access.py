"""Rules for roles, bindings and service accounts.

Source: k8s.io/kubernetes/pkg/apis/rbac/validation.
"""

from renderers.validation.checks import (
    Check,
    Object,
    Place,
    Violations,
    absent,
    each,
    mapping,
    one_of,
    shape,
    text,
)
from renderers.validation.formats import PATH_SEGMENT, SUBDOMAIN
from renderers.validation.metadata import SELECTOR

_GROUP = "rbac.authorization.k8s.io"


def _rule(item: Object, place: Place) -> Violations:
    """A rule is about resources of groups, or about URLs."""
    urls = item.get("nonResourceURLs")
    if not item.get("verbs"):
        yield place.violation("requires the field verbs")
    if urls:
        if item.get("resources") or item.get("apiGroups") or item.get("resourceNames"):
            yield place.violation("must not combine nonResourceURLs with resources")
        return
    for field in ("apiGroups", "resources"):
        if not item.get(field):
            yield place.violation(f"requires the field {field}")


def _no_urls(item: Object, place: Place) -> Violations:
    if item.get("nonResourceURLs"):
        yield place.at("nonResourceURLs").violation("is only allowed in a ClusterRole")


def _subject(item: Object, place: Place) -> Violations:
    """Accounts are of the core group and have no group; users and groups have no namespace."""
    kind, group = text(item.get("kind")), item.get("apiGroup")
    if kind == "ServiceAccount":
        yield from SUBDOMAIN(item.get("name"), place.at("name"))
        if not absent(group):
            yield place.at("apiGroup").violation("must be empty for a ServiceAccount")
    elif kind in {"User", "Group"}:
        if not absent(group) and group != _GROUP:
            yield place.at("apiGroup").violation(f"must be {_GROUP}")
        if not absent(item.get("namespace")):
            yield place.at("namespace").violation(f"is not allowed for a {kind}")


def _subjects(*, namespaced: bool) -> Check:
    def needs_namespace(item: Object, place: Place) -> Violations:
        account = item.get("kind") == "ServiceAccount"
        if account and not namespaced and absent(item.get("namespace")):
            yield place.violation("requires the field namespace")

    return each(
        shape(
            {"kind": one_of("ServiceAccount", "User", "Group")},
            _subject,
            needs_namespace,
            required=("kind", "name"),
        )
    )


def _reference(*kinds: str) -> Check:
    return shape(
        {"apiGroup": one_of(_GROUP), "kind": one_of(*kinds), "name": PATH_SEGMENT},
        required=("kind", "name"),
    )


def _role_of_labels(item: Object, place: Place) -> Violations:
    """An aggregated role lists the labels of its parts."""
    rule = item.get("aggregationRule")
    if isinstance(rule, dict) and not mapping(rule).get("clusterRoleSelectors"):
        yield place.at("aggregationRule").violation("requires the field clusterRoleSelectors")


KINDS: dict[tuple[str, str], Check] = {
    (_GROUP, "Role"): shape({"rules": each(shape({}, _rule, _no_urls))}),
    (_GROUP, "ClusterRole"): shape(
        {
            "rules": each(shape({}, _rule)),
            "aggregationRule": shape({"clusterRoleSelectors": each(SELECTOR)}),
        },
        _role_of_labels,
    ),
    (_GROUP, "RoleBinding"): shape(
        {"subjects": _subjects(namespaced=True), "roleRef": _reference("Role", "ClusterRole")},
        required=("roleRef",),
    ),
    (_GROUP, "ClusterRoleBinding"): shape(
        {"subjects": _subjects(namespaced=False), "roleRef": _reference("ClusterRole")},
        required=("roleRef",),
    ),
}
