"""Validates every rendered object as the API server of its cluster's Kubernetes version does.

The object is checked against the schema, and by the rules of built-in kinds.
Each variant is validated once per version. A violation is reported once, with all its clusters and
with the place in the app repo where the field is written, if that can be determined.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from planners.model import (
    Cluster,
    Component,
    FilePosition,
    Json,
    ObjectIdentity,
    PlanProblem,
    listing,
)
from renderers import yaml
from renderers.defects import Defect, confined
from renderers.kubernetes.fields import path_text
from renderers.kubernetes.kinds import is_missing, kind_of
from renderers.kubernetes.metadata import identity_of, label_of
from renderers.kubernetes.schemas import Schemas, SchemaViolation
from renderers.kubernetes.sops import decrypted_shape
from renderers.validation.registry import rule_violations
from renderers.variant_keys import VariantKey
from renderers.variants import Object, Variant, Variants, identity

NEWEST = 999  # later than any minor version: rules only get looser


@dataclass(frozen=True, slots=True)
class _Finding:
    """A schema violation in words, and where the field is written."""

    message: str
    position: FilePosition | None
    is_warning: bool = False


@dataclass(frozen=True, slots=True)
class _Written:
    """A manifest with an object, and its file."""

    file: str
    document: yaml.Document


@dataclass(slots=True)
class SchemaValidation:
    """One run over all variants."""

    variants: Variants
    schemas: Schemas
    _findings: dict[tuple[VariantKey, str | None], tuple[_Finding, ...]] = field(
        default_factory=dict
    )
    _validated: dict[tuple[int, str | None], tuple[Object, Sequence[SchemaViolation]]] = field(
        default_factory=dict
    )
    _clusters: dict[_Finding, set[str]] = field(default_factory=dict)
    _written: dict[str, dict[ObjectIdentity, _Written]] = field(default_factory=dict)
    missing_kinds: set[str] = field(default_factory=set)
    defects: list[Defect] = field(default_factory=list)

    def validate(self, key: VariantKey, variant: Variant, cluster: Cluster) -> bool:
        """Validate the objects of a variant for one cluster; `key` identifies the variant.

        Returns whether there is a finding.
        """
        known = (key, cluster.kubernetes)
        findings = self._findings.get(known)
        if findings is None:
            findings = self._findings[known] = tuple(self._validate(variant, cluster.kubernetes))
        for finding in findings:
            version = f" (Kubernetes {cluster.kubernetes})" if cluster.kubernetes else ""
            self._clusters.setdefault(finding, set()).add(f"{cluster.name}{version}")
        return bool(findings)

    def problems(self) -> tuple[PlanProblem, ...]:
        """All findings, each with its clusters."""
        return tuple(
            PlanProblem(f"{finding.message} [on {listing(sorted(clusters))}]", finding.position)
            for finding, clusters in self._clusters.items()
            if not finding.is_warning
        )

    def warnings(self) -> tuple[PlanProblem, ...]:
        """What could not be checked, each with its clusters."""
        return tuple(
            PlanProblem(f"{finding.message} [on {listing(sorted(clusters))}]", finding.position)
            for finding, clusters in self._clusters.items()
            if finding.is_warning
        )

    def _validate(self, variant: Variant, version: str | None) -> Iterator[_Finding]:
        for item in variant.objects:
            for violation in self._known_violations(item, version):
                if not violation.path and is_missing(kind_of(item)):
                    self.missing_kinds.add(f"{variant.component.name}: {label_of(item)}")
                where = f" {path_text(violation.path)}" if violation.path else ""
                yield _Finding(
                    f"{variant.component.name}: {label_of(item)}:{where} {violation.message}",
                    self.place(variant, item, violation.path),
                    violation.is_warning,
                )

    def _known_violations(self, item: Object, version: str | None) -> Sequence[SchemaViolation]:
        """The violations of an object, which variants of a component may share."""
        known = self._validated.get((id(item), version))
        if known is None:
            found, defect = confined(partial(self._violations, item, version))
            if defect is not None:
                self.defects.append(defect)
                found = [SchemaViolation((), str(defect))]
            known = self._validated[id(item), version] = (item, found)
        return known[1]

    def _violations(self, item: Mapping[str, Json], version: str | None) -> list[SchemaViolation]:
        """Violations of the schema, and of the rules where the schema has no objection."""
        item = decrypted_shape(item)
        found = list(self.schemas.violations(item, version, self.variants.custom))
        refused = {each.path for each in found}
        for violation in rule_violations(item, minor_of(version)):
            path = violation.path
            misspelt = any(each and each[:-1] == path for each in refused)
            if not misspelt and not any(path[:end] in refused for end in range(len(path) + 1)):
                found.append(violation)
        return found

    def place(
        self, variant: Variant, item: Mapping[str, Json], path: tuple[str | int, ...] = ()
    ) -> FilePosition | None:
        """Where an object or a field is written: in a customisation or in a manifest."""
        writer = variant.writer_of(dict(item), path, self.variants.custom) if path else None
        if writer is not None:
            return writer.position
        origin = variant.origins.get(identity(item)) if variant.origins else None
        return origin.position if origin else self._source_place(variant, item, path)

    def _source_place(
        self, variant: Variant, item: Mapping[str, Json], path: tuple[str | int, ...]
    ) -> FilePosition | None:
        found = self._manifests(variant.component).get(identity_of(item))
        if found is None:
            return variant.component.position
        places = (found.document.places.get(path[:end]) for end in range(len(path), -1, -1))
        line, column = next(each for each in places if each is not None)
        return FilePosition(
            f"{variant.component.source.path}/{found.file}".lstrip("/"), line, column
        )

    def _manifests(self, component: Component) -> Mapping[ObjectIdentity, _Written]:
        """Where the objects of a component are written; nowhere if a tool makes them."""
        if component.name not in self._written:
            built = self.variants.sources[component.source.kind].tool != ""
            files = {} if built else self.variants.snapshot.sources.get(component.name, {})
            found: dict[ObjectIdentity, _Written] = {}
            for file, content in sorted(files.items()):
                for document in _documents(content):
                    if isinstance(document.value, dict):
                        identity = identity_of(document.value)
                        found.setdefault(identity, _Written(file, document))
            self._written[component.name] = found
        return self._written[component.name]


def minor_of(version: str | None) -> int:
    """The minor version whose rules apply; without a version, the newest ones."""
    parts = (version or "").split(".")
    return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else NEWEST


def _documents(content: bytes) -> tuple[yaml.Document, ...]:
    try:
        return yaml.load_documents(content)
    except yaml.YamlError:
        return ()
