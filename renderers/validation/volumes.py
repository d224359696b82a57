"""Rules for the volumes of pods.

Source: k8s.io/kubernetes/pkg/apis/core/validation (ValidateVolumes, validateVolumeSource and what
it calls).
"""

from planners.model import Json
from renderers.validation.checks import (
    Check,
    Object,
    Place,
    Violations,
    absolute,
    amount,
    at_most_one,
    between,
    both,
    each,
    exactly_one,
    mapping,
    mappings,
    one_of,
    present,
    shape,
    text,
    unique,
)
from renderers.validation.containers import FILE_FIELDS, descending_path, field_ref
from renderers.validation.formats import DNS_LABEL, SUBDOMAIN
from renderers.validation.storage import CLAIM_SPEC

VOLUME_SOURCES = (
    "awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "configMap", "csi",
    "downwardAPI", "emptyDir", "ephemeral", "fc", "flexVolume", "flocker", "gcePersistentDisk",
    "gitRepo", "glusterfs", "hostPath", "image", "iscsi", "nfs", "persistentVolumeClaim",
    "photonPersistentDisk", "portworxVolume", "projected", "quobyte", "rbd", "scaleIO", "secret",
    "storageos", "vsphereVolume",
)  # fmt: skip
_PROJECTED = (
    "secret", "configMap", "downwardAPI", "serviceAccountToken", "clusterTrustBundle",
    "podCertificate",
)  # fmt: skip
_HOST_PATHS = (
    "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice",
)  # fmt: skip
_ALL_MODES = 0o777
_TOKEN_SECONDS = (600, 2**32)
_MODE = between(0, _ALL_MODES)


def _local_path(value: Json, place: Place) -> Violations:
    """A relative path whose first part does not begin with `..`."""
    if text(value).startswith(".."):
        yield place.violation("must not begin with '..'")
    else:
        yield from descending_path(value, place)


def _no_host_steps(value: Json, place: Place) -> Violations:
    if ".." in text(value).split("/"):
        yield place.violation("must not contain '..'")


def _driver(value: Json, place: Place) -> Violations:
    yield from SUBDOMAIN(text(value).lower(), place)


def _field_of_pod(item: Object, place: Place) -> Violations:
    """A file of the downward API shows a field or a resource."""
    yield from exactly_one("fieldRef", "resourceFieldRef", word="source")(item, place)


_ITEMS = each(shape({"path": _local_path, "mode": _MODE}, required=("key", "path")))
_PROJECTED_ITEMS = both(unique("path", word="path"), _ITEMS)
_FILES = each(
    shape(
        {"path": _local_path, "mode": _MODE, "fieldRef": field_ref(FILE_FIELDS)},
        _field_of_pod,
        required=("path",),
    )
)
_TOKEN = shape(
    {"expirationSeconds": between(*_TOKEN_SECONDS), "path": _local_path}, required=("path",)
)
_PROJECTION = each(
    shape(
        {
            "secret": shape({"items": _PROJECTED_ITEMS}, required=("name",)),
            "configMap": shape({"items": _PROJECTED_ITEMS}, required=("name",)),
            "downwardAPI": shape({"items": _FILES}),
            "serviceAccountToken": _TOKEN,
        },
        at_most_one(*_PROJECTED, word="source"),
    )
)
_SOURCES: dict[str, Check] = {
    "emptyDir": shape({"sizeLimit": amount}),
    "hostPath": shape({"path": _no_host_steps, "type": one_of(*_HOST_PATHS)}, required=("path",)),
    "secret": shape({"items": _ITEMS, "defaultMode": _MODE}, required=("secretName",)),
    "configMap": shape({"items": _ITEMS, "defaultMode": _MODE}, required=("name",)),
    "downwardAPI": shape({"items": _FILES, "defaultMode": _MODE}),
    "projected": shape({"sources": _PROJECTION, "defaultMode": _MODE}),
    "persistentVolumeClaim": shape({}, required=("claimName",)),
    "nfs": shape({"path": absolute}, required=("server", "path")),
    "csi": shape({"driver": _driver}, required=("driver",)),
    "ephemeral": shape(
        {"volumeClaimTemplate": shape({"spec": CLAIM_SPEC}, required=("spec",))},
        required=("volumeClaimTemplate",),
    ),
    "image": shape({"pullPolicy": one_of("Always", "IfNotPresent", "Never")}),
}
VOLUMES = both(
    unique("name", word="name"),
    each(
        shape(
            {"name": DNS_LABEL, **_SOURCES},
            at_most_one(*VOLUME_SOURCES, word="source"),
            required=("name",),
        )
    ),
)


def mounts_have_volumes(
    spec: Object, place: Place, added: frozenset[str] = frozenset()
) -> Violations:
    """Each mount names a volume of the pod; a StatefulSet adds those of its claim templates."""
    volumes = {text(item.get("name")): item for _, item in mappings(spec.get("volumes"))}
    known = volumes.keys() | added
    for field in ("initContainers", "containers"):
        for index, container in mappings(spec.get(field)):
            for kind in ("volumeMounts", "volumeDevices"):
                for number, mount in mappings(container.get(kind)):
                    name = text(mount.get("name"))
                    where = place.at(field, index, kind, number, "name")
                    if name and name not in known:
                        yield where.violation("names no volume of the pod")
                    elif kind == "volumeDevices" and name in volumes.keys() - added:
                        yield from _block_device(volumes[name], where)


def _block_device(volume: Object, place: Place) -> Violations:
    if not present(volume, ("persistentVolumeClaim", "ephemeral")):
        yield place.violation("must name a volume that is a claim")


def claim_template_names(spec: Object) -> frozenset[str]:
    """The volumes that the claim templates of a StatefulSet add to its pods."""
    claims = mappings(spec.get("volumeClaimTemplates"))
    return frozenset(text(mapping(each.get("metadata")).get("name")) for _, each in claims)
