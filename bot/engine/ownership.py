"""Lists the objects that the components of an application have in a deploy repo."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.engine.usage import ReadBlob
from planners.model import ObjectIdentity, Registration, Unit
from planners.model.snapshot import OwnedObjects
from renderers import yaml
from renderers.kubernetes.metadata import identity_of
from renderers.layout import Layout


@dataclass(slots=True)
class OwnershipReader:
    """Reads each distinct content once; `cache` is kept between passes.

    Files that cannot be parsed, because somebody else wrote them, have no objects.
    """

    cache: dict[str, tuple[ObjectIdentity, ...]] = field(default_factory=dict)

    def owned(
        self, registration: Registration, blobs: Mapping[str, str], read: ReadBlob, number: int = 0
    ) -> tuple[OwnedObjects, ...]:
        """The objects of an application; `blobs` maps paths in the deploy repo to blob ids.

        They are merged, or written by merge request `number`.

        Clusters on which a component has the same files share one value.
        """
        layout = Layout.of(registration)
        units: dict[Unit, list[tuple[str, str]]] = {}
        for path, blob in sorted(blobs.items()):
            unit = layout.unit_of(path)
            if unit is not None and path.startswith(f"{layout.objects_folder(unit)}/"):
                units.setdefault(unit, []).append((path.rpartition("/")[2], blob))
        clusters: dict[tuple[str, tuple[tuple[str, str], ...]], list[str]] = {}
        for unit, files in units.items():
            clusters.setdefault((unit.component, tuple(files)), []).append(unit.cluster)
        return tuple(
            OwnedObjects(
                application=registration.application,
                tenant=registration.tenant,
                component=component,
                objects={
                    identity: file
                    for file, blob in files
                    for identity in self._identities(blob, read)
                },
                clusters=frozenset(names),
                number=number,
            )
            for (component, files), names in sorted(clusters.items())
        )

    def _identities(self, blob: str, read: ReadBlob) -> tuple[ObjectIdentity, ...]:
        if blob not in self.cache:
            try:
                documents = yaml.load_documents(read(blob))
            except yaml.YamlError:
                documents = ()
            values = (each.value for each in documents)
            self.cache[blob] = tuple(
                identity_of(value) for value in values if isinstance(value, dict)
            )
        return self.cache[blob]
