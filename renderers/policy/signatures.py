"""Objects that the platform team has signed: platform add-ons need rights that no tenant has.

A policy names application, kind, name and the digest of the rendered object, so that any change of
the object needs a new entry, which people review in the fleet repo.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping

from planners.model import Json, Policy, SignedObject
from renderers.kubernetes.kinds import kind_of
from renderers.kubernetes.metadata import name_of


def object_digest(item: Mapping[str, Json]) -> str:
    """The SHA-256 of the object's canonical JSON, in hexadecimal."""
    text = json.dumps(item, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def signature_of(
    item: Mapping[str, Json], application: str, policies: Iterable[Policy]
) -> SignedObject | None:
    """The entry of a policy that signs exactly this object of an application."""
    kind, name = kind_of(item), name_of(item)
    for policy in policies:
        for each in policy.signed_objects:
            named = each.kind in {kind.name, str(kind)} and each.name == name
            if named and each.application == application and each.digest == object_digest(item):
                return each
    return None
