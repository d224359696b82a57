"""What the derivation of objects relies on from every carrier."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace

import pytest

from bot.engine import discovery
from bot.engine.kubernetes_schemas import KubernetesSchemas
from renderers.carriers import Carrier
from renderers.connections import ConnectedUnit, Connection, DerivedObject, Need
from renderers.kubernetes.metadata import identity_of
from renderers.kubernetes.schemas import custom_kinds
from renderers.layout import object_files
from tests.fakes.connectivity import connections, sides

every = pytest.mark.parametrize("carrier", discovery.carriers().values(), ids=lambda e: e.name)
each_way = pytest.mark.parametrize("way", connections())


@every
def test_it_says_what_it_does(carrier: Carrier) -> None:
    assert carrier.summary.endswith(".")
    assert "\n" not in carrier.summary


@each_way
@every
def test_it_meets_only_what_a_connection_needs_and_says_what_is_missing(
    carrier: Carrier, way: str
) -> None:
    connection = connections()[way]

    assert carrier.meets(connection) <= frozenset(Need)
    assert isinstance(carrier.missing(connection), str)
    assert not carrier.missing(connection).endswith(".")


@each_way
@every
def test_it_gives_an_address_only_where_it_makes_a_way(carrier: Carrier, way: str) -> None:
    connection = connections()[way]
    address = carrier.address(connection)

    if address is not None:
        assert Need.ROUTE in carrier.meets(connection)
        assert address.host
        assert address.port > 0


@each_way
@every
def test_it_is_a_pure_function(carrier: Carrier, way: str) -> None:
    units, before = sides(connections()[way]), sides(connections()[way])
    first = [list(_objects(carrier, each)) for each in units]

    assert first == [list(_objects(carrier, each)) for each in deepcopy(before)]
    assert units == before


@each_way
@every
def test_its_objects_have_files_and_origins_and_are_valid(carrier: Carrier, way: str) -> None:
    for unit in sides(connections()[way]):
        derived = list(_objects(carrier, unit))
        items = [each.item for each in derived]
        schemas = KubernetesSchemas()

        assert len({identity_of(each) for each in items}) == len(items)
        assert len(set(object_files(items, "shop"))) == len(items)
        assert all(each.intents for each in derived)
        for item in items:
            assert not list(schemas.violations(item, None, custom_kinds(())))


@every
def test_it_adds_nothing_to_a_unit_without_connections(carrier: Carrier) -> None:
    for unit in _alone(connections()["same cluster"]):
        assert not list(_objects(carrier, unit))


def _objects(carrier: Carrier, unit: ConnectedUnit) -> Iterator[DerivedObject]:
    yield from carrier.server_objects(unit)
    yield from carrier.client_objects(unit)


def _alone(connection: Connection) -> list[ConnectedUnit]:
    return [replace(each, serves=(), calls=()) for each in sides(connection)]
