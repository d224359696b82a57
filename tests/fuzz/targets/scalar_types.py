"""Names, durations, quantities, times, zones, hosts, paths: each type of a document's scalars."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

from pydantic import TypeAdapter, ValidationError

from bot.documents import types
from planners.model import quantities
from tests.fuzz import Target

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ADAPTERS = {
    name: TypeAdapter(getattr(types, name))
    for name in (
        *("Name", "Duration", "RepoName", "Moment", "AtOnce", "Failures", "File", "DataKey"),
        *("HowMany", "Number", "Quantity", "QuantityText", "MinorVersion", "HostPattern", "Hour"),
        *("Timezone", "Preference", "Folder", "LabelKey", "LabelValue", "SelectorPart"),
    )
}


def check(data: bytes) -> None:
    """ValidationError, or a value that can be used: written, added to a time, compared."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return
    read = {}
    for name, adapter in ADAPTERS.items():
        try:
            read[name] = adapter.validate_python(value)
        except ValidationError as error:
            assert len(error.errors()) < 10_000
    if "Quantity" in read:
        assert quantities.parse(quantities.write(read["Quantity"])) == read["Quantity"]
    if "Duration" in read:
        assert NOW + read["Duration"] > NOW - read["Duration"] or not read["Duration"]
    if "Moment" in read:
        assert read["Moment"].astimezone(UTC).isoformat()
    for name in {"File", "Folder"} & read.keys():
        assert ".." not in read[name].split("/")
        assert not read[name].startswith("/")


def seeds() -> Iterator[bytes]:
    """Valid values of each type, and the limits of each."""
    for value in (
        *("web", "30s", "1h30m", "forge:group/name", "2026-12-24T18:00:00Z", 3, "25%", "all"),
        *("config/app.yaml", "a.b-c_d", 0.5, "500m", "1.5Gi", "1e3", "-3", "1.31", "*.example.com"),
        *("22:30", "Europe/Berlin", "cost", "reported/x", ".", "example.com/a", "99999999999h"),
        *("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "1e9999", "1E", "9" * 4400),
        {"matchLabels": {"a": "b"}, "except": {"names": ["a"]}},
        {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]},
    ):
        yield json.dumps(value).encode()


WORDS = (
    b"Ki",
    b"Ei",
    b"n",
    b"e-",
    b"E",
    b"h",
    b"m",
    b"s",
    b"%",
    b"/",
    b"..",
    b"+23:59",
    b"Z",
    b"T",
)
TARGET = Target(check, seeds, WORDS, share=1.5)
