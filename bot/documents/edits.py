"""Edits documents for commands, and keeps the formatting of everything else.

Pure functions from the files of a repository to the changed ones (path -> bytes, None to delete).
`renderers.yaml.edits` edits the text; the caller validates the result.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.documents.application import FILE
from bot.documents.fleet import FILE_SUFFIXES
from planners.model import Json
from renderers import yaml
from renderers.yaml.edits import Edit, EditError

Changes = Mapping[str, bytes | None]

MAINTENANCE = ("spec", "maintenance")
FREEZES = ("spec", "freezes")
EXCEPTIONS = ("spec", "exceptions")


class EditRefusedError(Exception):
    """The document cannot be edited automatically; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class FoundDocument:
    """A document: its file, its index in the file, its value, and the file's content."""

    file: str
    index: int
    value: Mapping[str, Json]
    content: bytes

    @property
    def edit(self) -> Edit:
        """An editor for it."""
        return Edit(self.content, self.index)

    def changed(self, content: bytes) -> Changes:
        """The changes if the file gets that content."""
        return {self.file: content}


def find_documents(files: Mapping[str, bytes], folder: str, kind: str) -> Iterator[FoundDocument]:
    """The documents of a kind in a folder, by file name.

    Raises:
        YamlError: a file is not valid YAML.
    """
    for file in sorted(files):
        if file.startswith(f"{folder}/") and file.endswith(FILE_SUFFIXES):
            for index, document in enumerate(yaml.load_documents(files[file])):
                if isinstance(document.value, dict) and document.value.get("kind") == kind:
                    yield FoundDocument(file, index, document.value, files[file])


def with_maintenance(files: Mapping[str, bytes], cluster: str, *, drained: bool) -> Changes:
    """Set the cluster's `maintenance` to `drained`, or remove it.

    Raises:
        EditRefusedError: the document cannot be edited.
    """
    for each in find_documents(files, "clusters", "Cluster"):
        metadata = each.value.get("metadata")
        if isinstance(metadata, dict) and metadata.get("name") == cluster:
            try:
                if drained:
                    return each.changed(each.edit.put(MAINTENANCE, "drained"))
                return each.changed(each.edit.remove(MAINTENANCE))
            except EditError as error:
                raise _by_hand(each.file, "spec.maintenance", error) from error
    raise EditRefusedError(f"unknown cluster {cluster}")


def with_freeze(files: Mapping[str, bytes], freeze: Mapping[str, Json]) -> Changes:
    """Create a policy in a file of its own with one freeze.

    Raises:
        EditRefusedError: the file exists.
    """
    name = f"freeze-{freeze['name']}"
    file = f"policies/{name}.yaml"
    if file in files:
        raise EditRefusedError(f"{file} already exists: edit it, or delete it first")
    policy: Json = {
        "apiVersion": "switchyard.dev/v1alpha1",
        "kind": "Policy",
        "metadata": {"name": name},
        "spec": {"freezes": [dict(freeze)]},
    }
    return {file: yaml.dump(policy)}


def without_freeze(files: Mapping[str, bytes], name: str) -> Changes:
    """Remove a freeze; a file that contains nothing else is deleted.

    Raises:
        EditRefusedError: no policy contains it, or the policy cannot be edited.
    """
    for each in find_documents(files, "policies", "Policy"):
        spec = each.value.get("spec")
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
    raise EditRefusedError(f"no policy contains freeze {name}")


def with_exception(content: bytes, exception: Mapping[str, Json]) -> Changes:
    """Add an exception to `switchyard.yaml`, the content of which is given.

    Raises:
        EditRefusedError: the document cannot be edited.
    """
    try:
        return {FILE: Edit(content).append(EXCEPTIONS, exception)}
    except EditError as error:
        raise _by_hand(FILE, "spec.exceptions", error) from error


def format_time(at: datetime) -> str:
    """A time in the format of documents, in UTC, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _by_hand(file: str, field: str, error: EditError) -> EditRefusedError:
    return EditRefusedError(
        f"{file}: {field} cannot be edited by a command ({error}): edit the file manually"
    )
