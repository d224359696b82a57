"""Lists the objects that the components of an application have in a deploy repo."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.engine.usage import ReadBlob, objects_of
from planners.model import ObjectIdentity, Registration, Unit
from planners.model.fleet_files import FleetFiles
from planners.model.snapshot import OwnedObjects
from renderers import yaml
from renderers.kubernetes.metadata import identity_of


@dataclass(slots=True)
class OwnershipReader:
    """Reads each distinct content once; `cache` is kept between passes.

    Files that cannot be parsed, because somebody else wrote them, have no objects.
    """

    cache: dict[str, tuple[ObjectIdentity, ...]] = field(default_factory=dict)

    def owned(
        self,
        registration: Registration,
        units: Mapping[Unit, Mapping[str, str]],
        read: ReadBlob,
        number: int = 0,
    ) -> tuple[OwnedObjects, ...]:
        """The objects of an application; `units` has the paths of their files with blob ids.

        They are merged, or written by merge request `number`.

        Clusters on which a component has the same files share one value.
        """
        clusters: dict[tuple[str, tuple[tuple[str, str], ...]], list[str]] = {}
        for unit, objects in objects_of(FleetFiles.of(units)):
            if objects:
                clusters.setdefault((unit.component, objects), []).append(unit.cluster)
        return tuple(
            OwnedObjects(
                application=registration.application,
                tenant=registration.tenant,
                component=component,
                objects={
                    identity: path.rpartition("/")[2]
                    for path, blob in files
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
