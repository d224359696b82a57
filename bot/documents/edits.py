"""Edits of documents as people wrote them: which file changes, and into which bytes.

Pure functions from the files of a repository to those that differ (path -> bytes, None to delete);
`renderers.yaml.edits` does the cutting, and validation is the caller's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.documents.application import FILE
from bot.documents.fleet import ENDINGS
from planners.model import Json
from renderers import yaml
from renderers.yaml.edits import Edit, EditError

Changes = Mapping[str, bytes | None]

MAINTENANCE = ("spec", "maintenance")
FREEZES = ("spec", "freezes")
EXCEPTIONS = ("spec", "exceptions")


class EditRefusedError(Exception):
    """The document cannot be edited by a program; the text says where, and what to do."""


@dataclass(frozen=True, slots=True)
class Written:
    """Where a document stands: its file, its number there, and its value."""

    file: str
    index: int
    value: Mapping[str, Json]
    content: bytes

    @property
    def edit(self) -> Edit:
        """An edit of it."""
        return Edit(self.content, self.index)

    def changed(self, content: bytes) -> Changes:
        """The one file that differs."""
        return {self.file: content}


def documents(files: Mapping[str, bytes], folder: str, kind: str) -> Iterator[Written]:
    """The documents of a kind below a folder, by their files.

    Raises:
        YamlError: a file is no YAML.
    """
    for file in sorted(files):
        if file.startswith(f"{folder}/") and file.endswith(ENDINGS):
            for index, document in enumerate(yaml.load_documents(files[file])):
                if isinstance(document.value, dict) and document.value.get("kind") == kind:
                    yield Written(file, index, document.value, files[file])


def with_maintenance(files: Mapping[str, bytes], cluster: str, *, drained: bool) -> Changes:
    """The cluster's document with `maintenance: drained`, or without any.

    Raises:
        EditRefusedError: it cannot be edited.
    """
    for each in documents(files, "clusters", "Cluster"):
        metadata = each.value.get("metadata")
        if isinstance(metadata, dict) and metadata.get("name") == cluster:
            try:
                if drained:
                    return each.changed(each.edit.put(MAINTENANCE, "drained"))
                return each.changed(each.edit.remove(MAINTENANCE))
            except EditError as error:
                raise _by_hand(each.file, "spec.maintenance", error) from error
    raise EditRefusedError(f"the fleet has no cluster {cluster}")


def new_freeze(files: Mapping[str, bytes], freeze: Mapping[str, Json]) -> Changes:
    """A policy of its own that holds one freeze: nobody else's file is touched.

    Raises:
        EditRefusedError: there is a file of that name.
    """
    name = f"freeze-{freeze['name']}"
    file = f"policies/{name}.yaml"
    if file in files:
        raise EditRefusedError(f"{file} is there already: change it, or delete it first")
    policy: Json = {
        "apiVersion": "switchyard.dev/v1alpha1",
        "kind": "Policy",
        "metadata": {"name": name},
        "spec": {"freezes": [dict(freeze)]},
    }
    return {file: yaml.dump(policy)}


def without_freeze(files: Mapping[str, bytes], name: str) -> Changes:
    """The policies without a freeze; a file that held nothing else is deleted.

    Raises:
        EditRefusedError: no document has it, or it cannot be edited.
    """
    for each in documents(files, "policies", "Policy"):
        spec = each.value["spec"]
        freezes = spec.get("freezes") if isinstance(spec, dict) else None
        for index, freeze in enumerate(freezes if isinstance(freezes, list) else []):
            if not isinstance(freeze, dict) or freeze.get("name") != name:
                continue
            if len(yaml.load_documents(each.content)) == 1 and spec == {"freezes": [freeze]}:
                return {each.file: None}
            try:
                return each.changed(each.edit.remove((*FREEZES, index)))
            except EditError as error:
                raise _by_hand(each.file, "spec.freezes", error) from error
    raise EditRefusedError(f"no policy has a freeze {name}")


def with_exception(content: bytes, exception: Mapping[str, Json]) -> Changes:
    """`switchyard.yaml` with one more exception, by its name in the application's folder.

    Raises:
        EditRefusedError: it cannot be edited.
    """
    try:
        return {FILE: Edit(content).append(EXCEPTIONS, exception)}
    except EditError as error:
        raise _by_hand(FILE, "spec.exceptions", error) from error


def moment(at: datetime) -> str:
    """A time as documents write it, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _by_hand(file: str, field: str, error: EditError) -> EditRefusedError:
    return EditRefusedError(f"{file}: {field} cannot be edited by a command ({error}): edit it")
