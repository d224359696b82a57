"""The replicas that merged objects state, for applications in which an autoscaler sets them.

A field that an agent has applied cannot be left out without care, see `renderers.autoscaled`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import compress

from planners.model import ObjectIdentity, Unit
from planners.model.snapshot import Snapshot
from renderers import yaml
from renderers.kubernetes.fields import mapping
from renderers.kubernetes.metadata import identity_of
from renderers.layout import is_object

_AUTOSCALERS = (b"HorizontalPodAutoscaler", b"ScaledObject")
_STATED = re.compile(rb"replicas[\"']?:")


def with_merged_replicas(snapshot: Snapshot, merged: Callable[[str], bytes]) -> Snapshot:
    """The Snapshot with the replicas that count for its autoscalers; `merged` reads a blob."""
    contents = (each for files in snapshot.sources.values() for each in files.values())
    if not any(name in each for each in contents for name in _AUTOSCALERS) and not any(
        name in each for each in snapshot.files.values() for name in _AUTOSCALERS
    ):
        return snapshot
    known: dict[str, dict[ObjectIdentity, int]] = {}
    found: dict[Unit, Mapping[ObjectIdentity, int]] = {}
    for block in snapshot.base.entries.blocks:
        objects = [is_object(name) for name in block.names]
        for unit, ids in zip(block.units, block.ids, strict=True):
            stated: dict[ObjectIdentity, int] = {}
            for blob in compress(ids, objects):
                if blob not in known:
                    known[blob] = dict(_stated(merged(blob)))
                stated |= known[blob]
            if stated:
                found[unit] = stated
    return replace(snapshot, merged_replicas=found)


def _stated(content: bytes) -> Iterator[tuple[ObjectIdentity, int]]:
    """The replicas that objects of a file state; none if somebody else wrote something else."""
    if not _STATED.search(content):
        return
    try:
        documents = yaml.load_documents(content)
    except yaml.YamlError:
        return
    for document in documents:
        item = mapping(document.value)
        replicas = mapping(item.get("spec")).get("replicas")
        if isinstance(replicas, int) and not isinstance(replicas, bool) and replicas > 1:
            yield identity_of(item), replicas
