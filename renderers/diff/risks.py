"""Classifies the risks of a change of objects, so that reviews begin with the riskiest."""

import re
from collections.abc import Iterator
from enum import StrEnum

from planners.model import Json
from renderers.diff.fields import Object, ObjectChange
from renderers.kubernetes.metadata import group_of
from renderers.kubernetes.pod_templates import pod_templates

_VERSION_TAG = re.compile(r"v?(\d{1,9})(?![\w])(?:[.+-].*)?")
_SECRET_REFERENCES = ("secretKeyRef", "secretRef", "imagePullSecrets", "secret")


class Risk(StrEnum):
    """A kind of risk, as people read it; declared in order of severity."""

    NAMESPACE = "namespace"
    CRD = "CRD"
    DELETION = "deletion"
    RBAC = "RBAC"
    SCALE_TO_ZERO = "scale to zero"
    IMAGE_MAJOR = "image major version"
    SECRET = "secret reference"  # noqa: S105 - the name of a risk


def risks_of(change: ObjectChange) -> frozenset[Risk]:
    """The risks of one object's change."""
    return frozenset(_risks(change))


def severity(risks: frozenset[Risk]) -> tuple[int, ...]:
    """A sort key, the riskiest first: the ranks of the risks, then their number."""
    ranks = sorted(list(Risk).index(each) for each in risks)
    return (*ranks, len(Risk))


def split_image(reference: str) -> tuple[str, str]:
    """An image's name, and its tag or digest (distribution/reference: `name[:tag][@digest]`)."""
    name, _, digest = reference.partition("@")
    head, slash, last = name.rpartition("/")
    base, _, tag = last.partition(":")
    return f"{head}{slash}{base}", tag or digest


def _risks(change: ObjectChange) -> Iterator[Risk]:
    either, was, now = change.either, change.before, change.after
    kind, group = either.get("kind"), group_of(either)
    if kind == "Namespace" and not group:
        yield Risk.NAMESPACE
    if kind == "CustomResourceDefinition":
        yield Risk.CRD
    if group == "rbac.authorization.k8s.io":
        yield Risk.RBAC
    if now is None:
        yield Risk.DELETION
        return
    if was is not None:
        if _replicas(now) == 0 and _replicas(was) != 0:
            yield Risk.SCALE_TO_ZERO
        if _major_changes(was, now):
            yield Risk.IMAGE_MAJOR
    if _secrets(dict(now)) - (_secrets(dict(was)) if was is not None else set()):
        yield Risk.SECRET


def _replicas(item: Object) -> Json:
    """The requested replicas; 1 by default."""
    spec = item.get("spec")
    return spec.get("replicas", 1) if isinstance(spec, dict) else 1


def _major_changes(was: Object, now: Object) -> bool:
    before, after = _images(was), _images(now)
    return any(
        _major(before[container]) != _major(after[container])
        and split_image(before[container])[0] == split_image(after[container])[0]
        for container in before.keys() & after.keys()
        if _major(before[container]) and _major(after[container])
    )


def _images(item: Object) -> dict[str, str]:
    """The image of every container, by the container's name."""
    found: dict[str, str] = {}
    for _, template in pod_templates(item):
        spec = template.get("spec")
        for field in ("initContainers", "containers"):
            listed = spec.get(field) if isinstance(spec, dict) else None
            for each in listed if isinstance(listed, list) else []:
                if isinstance(each, dict) and isinstance(each.get("image"), str):
                    found[f"{field}/{each.get('name')}"] = str(each["image"])
    return found


def _major(reference: str) -> str | None:
    """The major version of a tag (semver.org, 2); None if the tag is not a version."""
    match = _VERSION_TAG.fullmatch(split_image(reference)[1])
    return match[1] if match else None


def _secrets(value: Json) -> set[str]:
    """The names of the Secrets that an object's pods refer to."""
    found: set[str] = set()
    match value:
        case dict():
            for key, each in value.items():
                if key in _SECRET_REFERENCES:
                    items = each if isinstance(each, list) else [each]
                    found |= {str(e["name"]) for e in items if isinstance(e, dict) and "name" in e}
                if key == "secretName" and isinstance(each, str):
                    found.add(each)
                found |= _secrets(each)
        case list():
            for each in value:
                found |= _secrets(each)
        case _:
            pass
    return found
