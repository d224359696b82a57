"""Every rendered object against the schema of its cluster's Kubernetes version.

Asked once for each variant and version; a mistake is said once, with all its clusters and the place
in the app repo that made it, where that can be told.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from planners.model import Cluster, FilePosition, Json
from planners.plan import PlanProblem
from renderers import yaml
from renderers.diff.flatten import leaf_path
from renderers.kubernetes.schemas import Objection, Schemas
from renderers.policy.tenancy import name_of
from renderers.variants import Variant, Variants

Found = tuple[str, FilePosition | None]
SHOWN = 3


@dataclass(slots=True)
class Inspection:
    """One run over all variants."""

    variants: Variants
    schemas: Schemas
    _known: dict[tuple[object, ...], tuple[Found, ...]] = field(default_factory=dict)
    _clusters: dict[Found, list[str]] = field(default_factory=dict)

    def look(self, key: tuple[object, ...], variant: Variant, cluster: Cluster) -> None:
        """Inspect the objects of a variant, of which `key` is the name, for one cluster."""
        known = (*key, cluster.kubernetes)
        if known not in self._known:
            self._known[known] = tuple(self._inspect(variant, cluster.kubernetes))
        for found in self._known[known]:
            version = f" (Kubernetes {cluster.kubernetes})" if cluster.kubernetes else ""
            self._clusters.setdefault(found, []).append(f"{cluster.name}{version}")

    def problems(self) -> tuple[PlanProblem, ...]:
        """What was found, each with its clusters."""
        return tuple(
            PlanProblem(f"{message} [on {_listing(clusters)}]", place)
            for (message, place), clusters in self._clusters.items()
        )

    def _inspect(self, variant: Variant, version: str | None) -> Iterator[Found]:
        for item in variant.objects:
            for found in self.schemas.objections(item, version, self.variants.custom):
                named = f"{variant.component.name}: {item.get('kind')}/{name_of(item)}"
                where = f" {_shown(found.path)}" if found.path else ""
                yield f"{named}:{where} {found.message}", self._place(variant, item, found)

    def _place(
        self, variant: Variant, item: Mapping[str, Json], found: Objection
    ) -> FilePosition | None:
        """Where the field was written: in a customisation, or in a manifest."""
        written = variant.written.get((str(item.get("kind")), name_of(item)), {})
        start = leaf_path(dict(item), found.path)
        for path, (_, intent) in written.items():
            if path == start or (start and path.startswith((f"{start}.", f"{start}["))):
                return intent.position
        return self._source(variant, item, found.path)

    def _source(
        self, variant: Variant, item: Mapping[str, Json], path: tuple[str | int, ...]
    ) -> FilePosition | None:
        source = variant.component.source
        files = self.variants.snapshot.sources.get(variant.component.name, {})
        built = self.variants.sources[source.kind].tool != ""
        for file, content in sorted(files.items()) if not built else ():
            for document in _documents(content):
                value = document.value
                if (
                    isinstance(value, dict)
                    and value.get("kind") == item.get("kind")
                    and name_of(value) == name_of(item)
                ):
                    places = (document.places.get(path[:end]) for end in range(len(path), -1, -1))
                    line, column = next(each for each in places if each is not None)
                    return FilePosition(f"{source.path}/{file}".lstrip("/"), line, column)
        return None


def _documents(content: bytes) -> tuple[yaml.Document, ...]:
    try:
        return yaml.load_documents(content)
    except yaml.YamlError:
        return ()


def _shown(path: tuple[str | int, ...]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _listing(names: list[str]) -> str:
    unique = sorted(set(names))
    more = f" and {len(unique) - SHOWN} more" if len(unique) > SHOWN else ""
    return ", ".join(unique[:SHOWN]) + more
