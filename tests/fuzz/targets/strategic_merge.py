"""Strategic merge patches of customisations."""

from collections.abc import Iterator

from tests.fuzz import Target
from tests.fuzz.patches import cases, checker, encoded


def seeds() -> Iterator[bytes]:
    """Objects and partial objects, and one with every directive."""
    for item, patch in cases():
        yield encoded(item, patch)
    directives = {
        "spec": {
            "$retainKeys": ["template"],
            "template": {
                "spec": {
                    "$setElementOrder/containers": [{"name": "a"}, {"name": "web"}],
                    "containers": [{"$patch": "delete", "name": "web"}, {"name": "a"}],
                    "$deleteFromPrimitiveList/args": ["x"],
                    "volumes": [{"$patch": "replace"}],
                }
            },
        }
    }
    yield encoded([*cases()][-2][0], directives)


WORDS = (
    *(b"$patch", b"replace", b"delete", b"merge", b"$retainKeys", b"$setElementOrder/containers"),
    *(b"$deleteFromPrimitiveList/finalizers", b"containers", b"ports", b"containerPort", b"name"),
    *(b"apps/v1", b"Deployment", b"Service", b"CustomResourceDefinition", b"env", b"mountPath"),
)
TARGET = Target(checker("strategicMerge"), seeds, WORDS)
