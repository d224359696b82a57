"""What every extension of every shelf is, whatever it does."""

import re

import pytest

from bot.engine.discovery import discover
from tests.conformance.shelves import EXTENSIONS, SHELVES, Extension, Shelf, annotations, stem

every = pytest.mark.parametrize("extension", EXTENSIONS, ids=lambda each: each.module)


@pytest.mark.parametrize("shelf", SHELVES, ids=lambda each: each.package)
def test_a_shelf_is_not_empty(shelf: Shelf) -> None:
    assert shelf.files


@every
def test_it_is_found_under_its_name(extension: Extension) -> None:
    shelf = extension.shelf

    assert discover(shelf.package, shelf.constant)[extension.value.name] is extension.value


@every
def test_its_file_has_its_name(extension: Extension) -> None:
    snake = re.sub(r"(?<=[a-z])[A-Z]", lambda letter: f"_{letter[0].lower()}", extension.value.name)

    assert stem(extension.file) == snake.replace("-", "_")


@every
def test_its_constant_is_annotated_so_that_mypy_checks_the_contract(extension: Extension) -> None:
    shelf = extension.shelf

    assert annotations(extension.file).get(shelf.constant) in shelf.contracts


@every
def test_it_keeps_no_state(extension: Extension) -> None:
    """One value serves all threads, applications and tenants."""
    value = extension.value
    if isinstance(value, type):
        return  # a forge is made anew for each connection
    params = getattr(type(value), "__dataclass_params__", None)

    assert params.frozen if params is not None else not vars(value)
