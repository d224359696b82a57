"""Rules for what the API server calls: webhook configurations and APIServices.

Sources: k8s.io/kubernetes/pkg/apis/admissionregistration/validation,
k8s.io/apiserver/pkg/util/webhook (addresses), k8s.io/kube-aggregator/pkg/apis/apiregistration/
validation. Expressions of match conditions are not compiled.
"""

import re

from planners.model import Json
from renderers.validation.checks import (
    PORT_NUMBER,
    Check,
    Object,
    Place,
    Rule,
    Violations,
    absent,
    between,
    both,
    distinct,
    each,
    exactly_one,
    mapping,
    one_of,
    shape,
    text,
    unique,
)
from renderers.validation.formats import LABEL_KEY, LETTER_LABEL, SUBDOMAIN, is_subdomain
from renderers.validation.metadata import SELECTOR

_ADDRESS = re.compile(
    r"https://(?P<host>[^/?#]+)[^?#]*(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?", re.IGNORECASE
)
_HOST_PARTS = 3
_REVIEWS = frozenset({"v1", "v1beta1"})
_LONGEST_TIMEOUT = 30
_MOST_CONDITIONS = 64
_GROUP = "admissionregistration.k8s.io"


def _full_name(value: Json, place: Place) -> Violations:
    yield from SUBDOMAIN(value, place)
    if text(value).count(".") < _HOST_PARTS - 1:
        yield place.violation("must be a domain of at least three parts, such as web.example.com")


def _alone(*names: str) -> Rule:
    """`*` in one of these lists stands alone."""

    def rule(item: Object, place: Place) -> Violations:
        for name in names:
            listed = item.get(name)
            if isinstance(listed, list) and "*" in listed and len(listed) > 1:
                yield place.at(name).violation("must not combine '*' with others")

    return rule


def _resources(value: Json, place: Place) -> Violations:
    """Resources and `resource/subresource`; what a wildcard covers must not be listed too."""
    listed = [text(each) for each in value] if isinstance(value, list) else []
    parts = [each.partition("/") for each in listed]
    for index, (resource, slash, part) in enumerate(parts):
        if not listed[index]:
            yield place.at(index).violation("must not be empty")
        earlier = parts[:index] if slash else []
        if (resource, "/", "*") in earlier or ("*", "/", part) in earlier:
            yield place.at(index).violation("is covered by an earlier wildcard")
    if "*/*" in listed and len(listed) > 1:
        yield place.violation("must not combine '*/*' with others")
    plain = [each for each in listed if each and "/" not in each]
    if "*" in plain and plain[-1] != "*":
        yield place.violation("must not combine '*' with other resources without subresources")


def _versions(value: Json, place: Place) -> Violations:
    yield from both(each(LETTER_LABEL), distinct)(value, place)
    if isinstance(value, list) and value and not _REVIEWS.intersection(map(str, value)):
        yield place.violation("must include one of v1, v1beta1")


def _path(value: Json, place: Place) -> Violations:
    """A path of a Service: each segment is a domain name."""
    path = text(value)
    if path in {"", "/"}:
        return
    if not path.startswith("/"):
        yield place.violation("must begin with /")
    if not all(map(is_subdomain, path[1:].removesuffix("/").split("/"))):
        yield place.violation("must consist of segments in lower case, such as /validate/pods")


def _url(value: Json, place: Place) -> Violations:
    found = _ADDRESS.fullmatch(text(value))
    if found is None or found["host"].count("[") != found["host"].count("]"):
        yield place.violation("must be a URL such as https://hooks.example.com/validate")
    elif "@" in found["host"] or found["query"] or found["fragment"]:
        yield place.violation("must have no user, query or fragment")


def _no_empty(value: Json, place: Place) -> Violations:
    for index, item in enumerate(value if isinstance(value, list) else []):
        if item == "":
            yield place.at(index).violation("must not be empty")


_WEBHOOK_RULE = shape(
    {
        "operations": each(one_of("*", "CREATE", "UPDATE", "DELETE", "CONNECT")),
        "apiVersions": _no_empty,
        "resources": _resources,
        "scope": one_of("Cluster", "Namespaced", "*"),
    },
    _alone("operations", "apiGroups", "apiVersions"),
    required=("operations", "apiGroups", "apiVersions", "resources"),
    filled=("scope",),
)
_CLIENT = shape(
    {
        "url": _url,
        "service": shape({"path": _path, "port": PORT_NUMBER}, required=("name", "namespace")),
    },
    exactly_one("url", "service", word="address"),
    filled=("url",),
)


def _few(value: Json, place: Place) -> Violations:
    if isinstance(value, list) and len(value) > _MOST_CONDITIONS:
        yield place.violation(f"must have at most {_MOST_CONDITIONS} items")


def _webhook(**more: Check) -> Check:
    return shape(
        {
            "name": _full_name,
            "rules": each(_WEBHOOK_RULE),
            "failurePolicy": one_of("Ignore", "Fail"),
            "matchPolicy": one_of("Exact", "Equivalent"),
            "sideEffects": one_of("None", "NoneOnDryRun"),
            "timeoutSeconds": between(1, _LONGEST_TIMEOUT),
            "namespaceSelector": SELECTOR,
            "objectSelector": SELECTOR,
            "clientConfig": _CLIENT,
            "admissionReviewVersions": _versions,
            "matchConditions": both(
                each(shape({"name": LABEL_KEY}, required=("name", "expression"))),
                unique("name", word="name"),
                _few,
            ),
            **more,
        },
        required=("name", "clientConfig", "sideEffects", "admissionReviewVersions"),
        filled=("failurePolicy", "matchPolicy", "sideEffects", *more),
    )


def _configuration(webhook: Check) -> Check:
    return shape({"webhooks": both(each(webhook), unique("name", word="name"))})


def _service_name(item: Object, place: Place) -> Violations:
    """An APIService is named after its version and group."""
    spec = mapping(item.get("spec"))
    expected = f"{text(spec.get('version'))}.{text(spec.get('group'))}"
    if text(mapping(item.get("metadata")).get("name")) != expected:
        yield place.at("metadata", "name").violation("must be <spec.version>.<spec.group>")


def _trust(spec: Object, place: Place) -> Violations:
    """How the service is trusted; an API of this server itself has no service and no trust."""
    bundle, skips = spec.get("caBundle"), spec.get("insecureSkipTLSVerify") is True
    local = spec.get("service") is None
    if local and not absent(bundle):
        yield place.at("caBundle").violation("is only allowed with a service")
    if skips and (local or not absent(bundle)):
        where = place.at("insecureSkipTLSVerify")
        yield where.violation("is only allowed with a service, and without caBundle")
    if absent(spec.get("group")) and spec.get("version") != "v1":
        yield place.violation("requires the field group")


_API = shape(
    {
        "group": SUBDOMAIN,
        "version": LETTER_LABEL,
        "groupPriorityMinimum": between(1, 20_000),
        "versionPriority": between(1, 1000),
        "service": shape({"port": PORT_NUMBER}, required=("name", "namespace")),
    },
    _trust,
    required=("version", "groupPriorityMinimum", "versionPriority"),
)

KINDS: dict[tuple[str, str], Check] = {
    (_GROUP, "ValidatingWebhookConfiguration"): _configuration(_webhook()),
    (_GROUP, "MutatingWebhookConfiguration"): _configuration(
        _webhook(reinvocationPolicy=one_of("Never", "IfNeeded"))
    ),
    ("apiregistration.k8s.io", "APIService"): shape(
        {"spec": _API}, _service_name, required=("spec",)
    ),
}
