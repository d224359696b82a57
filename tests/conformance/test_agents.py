"""What the bot relies on from every agent plugin."""

import json
import re
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

import plugins
from bot.engine import discovery
from planners.model import Unit
from plugins import Agent, ReportError, StatusReport
from renderers import yaml
from tests.conformance.jsons import jsons
from tests.conformance.shelves import EXTENSIONS, words
from tests.fakes.examples import examples

every = pytest.mark.parametrize("agent", discovery.agents().values(), ids=lambda each: each.name)
small = examples(50)

SUBDOMAIN = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")
names = st.from_regex(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)
TYPICAL = ("2026-11-20T12:00:00Z", f"main@sha1:{'a' * 40}", "shop.cart", "a" * 40)
LONGEST_MESSAGE = 4096
WORDS = {
    each.value.name: [word for word in words(each.file) if len(word) < 60] + list(TYPICAL)
    for each in EXTENSIONS
    if each.shelf.package == plugins.__name__
}


def report(agent: Agent, cluster: str, body: bytes) -> StatusReport | None:
    """Its report; nothing but a ReportError with a message may be raised."""
    try:
        return agent.report(cluster, body)
    except ReportError as error:
        message = str(error)
    assert message.strip()
    return None


@every
@given(component=names, application=names, namespace=names | st.just(""), cluster=names)
@small
def test_its_objects_are_whole_and_stable(
    agent: Agent, component: str, application: str, namespace: str, cluster: str
) -> None:
    unit = Unit(component, cluster)
    folder = f"clusters/{cluster}/{application}/{component}"
    made = agent.references(unit, application, namespace, folder)

    assert made == agent.references(unit, application, namespace, folder)
    assert folder in json.dumps(made)
    for item in made:
        metadata = item["metadata"]
        assert isinstance(item["apiVersion"], str)
        assert isinstance(item["kind"], str)
        assert isinstance(metadata, dict)
        assert SUBDOMAIN.fullmatch(str(metadata["name"]))
        (again,) = yaml.load_documents(yaml.dump(item))
        assert again.value == item


@every
@given(parts=st.lists(st.tuples(names, names), min_size=2, max_size=4, unique=True))
@small
def test_no_two_units_of_a_cluster_share_an_object(
    agent: Agent, parts: list[tuple[str, str]]
) -> None:
    identities = [
        {
            (item["kind"], json.dumps(item["metadata"], sort_keys=True))
            for item in agent.references(Unit(component, "c1"), application, "shop", "x")
        }
        for application, component in parts
    ]

    assert sum(map(len, identities)) == len(set().union(*identities))


@every
@given(
    headers=st.dictionaries(
        st.sampled_from(("x-signature", "x-hub-signature-256", "authorization")) | st.text(),
        st.sampled_from(("sha256=", "sha256=00", "sha512=é", "=")) | st.text(),
    ),
    body=st.binary(max_size=40),
    key=st.just(b"") | st.just(b"key"),
)
@small
def test_a_signature_that_nobody_made_is_refused(
    agent: Agent, headers: dict[str, str], body: bytes, key: bytes
) -> None:
    assert agent.verify(headers, body, key) is False


@every
@given(data=st.data(), cluster=names)
@small
def test_a_report_speaks_of_the_cluster_that_signed_it_and_within_limits(
    agent: Agent, data: st.DataObject, cluster: str
) -> None:
    found = report(agent, cluster, json.dumps(data.draw(jsons(WORDS[agent.name]))).encode())

    if found is not None:
        assert found.unit.cluster == cluster
        assert re.fullmatch(r"[0-9a-f]{40}", found.revision)
        assert isinstance(found.at, datetime)
        assert found.at.tzinfo is not None
        assert len(found.message) <= LONGEST_MESSAGE


@every
@given(body=st.binary(max_size=200))
@small
def test_any_bytes_end_in_a_report_or_a_report_error(agent: Agent, body: bytes) -> None:
    report(agent, "c1", body)


@every
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"1" * 10_000,
        b'{"timestamp": 1e999}',
        b"\xff\xfe{}",
        b"x" * (8 * 1024 * 1024),
        json.dumps({"involvedObject": {"kind": None, "name": ["x"] * 1000}}).encode(),
    ],
    ids=range(9),
)
def test_hostile_bodies_end_in_a_report_error(agent: Agent, body: bytes) -> None:
    assert report(agent, "c1", body) is None
