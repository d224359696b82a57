"""Rules for claims, volumes, storage classes and drivers.

Sources: k8s.io/kubernetes/pkg/apis/core/validation (ValidatePersistentVolumeClaimSpec,
ValidatePersistentVolumeSpec), k8s.io/kubernetes/pkg/apis/storage/validation.
"""

from planners.model import Json
from renderers.validation.checks import (
    Check,
    Object,
    Place,
    Violations,
    absolute,
    between,
    both,
    each,
    mapping,
    mappings,
    nanos_of,
    one_of,
    present,
    shape,
    text,
)
from renderers.validation.formats import LABEL_KEY, SUBDOMAIN
from renderers.validation.metadata import SELECTOR

_TEN_MINUTES = 600
_POD_ONLY = "ReadWriteOncePod"
_MODES = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", _POD_ONLY)
_NOT_SOURCES = frozenset(
    {
        "accessModes", "capacity", "claimRef", "mountOptions", "nodeAffinity",
        "persistentVolumeReclaimPolicy", "storageClassName", "volumeAttributesClassName",
        "volumeMode",
    }
)  # fmt: skip


def _alone(value: Json, place: Place) -> Violations:
    if isinstance(value, list) and _POD_ONLY in value and set(map(str, value)) != {_POD_ONLY}:
        yield place.violation(f"must not combine {_POD_ONLY} with other modes")


def _storage(item: Object, place: Place) -> Violations:
    """A claim requests a positive amount of storage."""
    requests = mapping(mapping(item.get("resources")).get("requests"))
    stated = requests.get("storage")
    if stated is None:
        yield place.violation("requires the field resources.requests.storage")
    nanos = nanos_of(stated)
    if nanos is not None and nanos <= 0:
        yield place.at("resources", "requests", "storage").violation("must be more than 0")


def _provisioner(value: Json, place: Place) -> Violations:
    yield from LABEL_KEY(text(value).lower(), place)


_ACCESS_MODES = both(each(one_of(*_MODES)), _alone)
_VOLUME_MODE = one_of("Filesystem", "Block")
CLAIM_SPEC = shape(
    {
        "accessModes": _ACCESS_MODES,
        "volumeMode": _VOLUME_MODE,
        "storageClassName": SUBDOMAIN,
        "selector": SELECTOR,
    },
    _storage,
    required=("accessModes",),
    filled=("volumeMode",),
)


def _volume_source(item: Object, place: Place) -> Violations:
    sources = present(item, tuple(sorted(item.keys() - _NOT_SOURCES)))
    if len(sources) != 1:
        yield place.violation("requires exactly one source of the volume")


def _capacity(item: Object, place: Place) -> Violations:
    capacity = mapping(item.get("capacity"))
    nanos = nanos_of(capacity.get("storage"))
    if set(capacity) != {"storage"}:
        yield place.at("capacity").violation("must state storage and nothing else")
    elif nanos is not None and nanos <= 0:
        yield place.at("capacity", "storage").violation("must be more than 0")


_VOLUME = shape(
    {
        "accessModes": _ACCESS_MODES,
        "volumeMode": _VOLUME_MODE,
        "persistentVolumeReclaimPolicy": one_of("Retain", "Delete", "Recycle"),
        "storageClassName": SUBDOMAIN,
        "nfs": shape({"path": absolute}, required=("server", "path")),
    },
    _volume_source,
    _capacity,
    required=("accessModes",),
)
_CLASS = shape(
    {
        "provisioner": _provisioner,
        "reclaimPolicy": one_of("Retain", "Delete"),
        "volumeBindingMode": one_of("Immediate", "WaitForFirstConsumer"),
    },
    required=("provisioner",),
    filled=("volumeBindingMode",),
)


def _audiences(value: Json, place: Place) -> Violations:
    """No two tokens are for one audience; the empty one is that of the API server."""
    seen: set[str] = set()
    for index, item in mappings(value):
        audience = text(item.get("audience"))
        if audience in seen:
            where = place.at(index, "audience")
            yield where.violation("is the audience of an earlier token too")
        seen.add(audience)


_DRIVER = shape(
    {
        "fsGroupPolicy": one_of("ReadWriteOnceWithFSType", "File", "None"),
        "volumeLifecycleModes": each(one_of("Persistent", "Ephemeral")),
        "tokenRequests": both(
            each(shape({"expirationSeconds": between(_TEN_MINUTES, 2**32)})), _audiences
        ),
        "nodeAllocatableUpdatePeriodSeconds": between(10),
    },
    filled=("fsGroupPolicy",),
)

KINDS: dict[tuple[str, str], Check] = {
    ("", "PersistentVolumeClaim"): shape({"spec": CLAIM_SPEC}, required=("spec",)),
    ("", "PersistentVolume"): shape({"spec": _VOLUME}, required=("spec",)),
    ("storage.k8s.io", "StorageClass"): _CLASS,
    ("storage.k8s.io", "CSIDriver"): shape({"spec": _DRIVER}, required=("spec",)),
}
