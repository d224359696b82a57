"""The shelves: folders of extensions, and what their files say before anybody calls them."""

import ast
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Shelf:
    """An extension folder: every file exports `constant`, annotated with one of `contracts`."""

    package: str
    constant: str
    contracts: tuple[str, ...]

    @property
    def folder(self) -> Path:
        return ROOT / self.package.replace(".", "/")

    @property
    def files(self) -> list[Path]:
        """The file of each extension, that of a package being its `__init__`."""
        found = [path for path in self.folder.iterdir() if not path.name.startswith(("_", "."))]
        packages = [path / "__init__.py" for path in found if (path / "__init__.py").exists()]
        return sorted([*(path for path in found if path.suffix == ".py"), *packages])


SHELVES = (
    Shelf("bot.chatops.commands", "COMMAND", ("Command", "StandingCommand")),
    Shelf("bot.forges", "FORGE", ("ForgeKind",)),
    Shelf("bot.gates", "GATE", ("GateKind",)),
    Shelf("bot.sandbox.demo.changes", "CHANGE", ("Change",)),
    Shelf("bot.notify", "CHANNEL", ("ChannelKind",)),
    Shelf("bot.signals", "SOURCE", ("Source",)),
    Shelf("planners.placement.filters", "FILTER", ("Filter",)),
    Shelf("planners.placement.scores", "SCORE", ("Score",)),
    Shelf("plugins", "PLUGIN", ("Agent", "ApiAgent")),
    Shelf("renderers.carriers", "CARRIER", ("Carrier",)),
    Shelf("renderers.patch", "PATCH", ("Patch",)),
    Shelf("renderers.sources", "SOURCE", ("Source",)),
)


@dataclass(frozen=True)
class Extension:
    """One file of a shelf."""

    shelf: Shelf
    file: Path

    @property
    def module(self) -> str:
        return f"{self.shelf.package}.{stem(self.file)}"

    @property
    def value(self) -> Any:
        return getattr(import_module(self.module), self.shelf.constant)


def stem(file: Path) -> str:
    """The module's own name."""
    return file.parent.name if file.stem == "__init__" else file.stem


def annotations(file: Path) -> dict[str, str]:
    """The annotation of each constant of a module."""
    return {
        node.target.id: ast.unparse(node.annotation)
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }


def words(file: Path) -> list[str]:
    """The string constants of a module: the names that it looks for in what it reads."""
    return sorted(
        {
            node.value
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
    )


EXTENSIONS = [Extension(shelf, file) for shelf in SHELVES for file in shelf.files]
