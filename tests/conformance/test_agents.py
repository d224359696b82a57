"""What the bot relies on from every agent plugin."""

import dataclasses
import json
import re
import typing
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import kubernetes_validate
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plugins
from bot.documents.models.agents import setting_parts
from bot.engine import discovery
from planners.model import AgentSettings, Json, Readiness, Repo, Tenant
from plugins import MAX_MESSAGE_LENGTH, Agent, ApiAgent, ApiObjects, ReportError, Word
from renderers import yaml
from renderers.agents import ApplicationTarget, ClusterTarget, Objects, Target, TenantTarget
from renderers.references import CLUSTER_PLACEHOLDER
from renderers.tenant_setup import access_objects
from tests.conformance.jsons import jsons
from tests.conformance.shelves import EXTENSIONS, words
from tests.fakes.crds import violations
from tests.fakes.examples import examples

every = pytest.mark.parametrize("agent", discovery.agents().values(), ids=lambda each: each.name)
small = examples(50)

SUBDOMAIN = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")
names = st.from_regex(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)
TYPICAL = ("2026-11-20T12:00:00Z", f"main@sha1:{'a' * 40}", "shop.cart", "a" * 40)
DEPLOY = Repo("local", "fleet/deploy")
NAMESPACES = ("shop", "shop-jobs")
EXAMPLE = "example"
"""The value of settings that have no default."""
WORDS = {
    each.value.name: [word for word in words(each.file) if len(word) < 60] + list(TYPICAL)
    for each in EXTENSIONS
    if each.shelf.package == plugins.__name__
}


def report(agent: Agent, cluster: str, body: bytes) -> tuple[Word, ...]:
    """Its words; nothing but a ReportError with a message may be raised."""
    try:
        return agent.report(cluster, body)
    except ReportError as error:
        message = str(error)
    assert message.strip()
    return ()


def settings_of(agent: Agent) -> list[AgentSettings]:
    """Each field at another value in turn; required fields have one in all of them."""
    fields = dataclasses.fields(agent.settings)
    needed = {each.name: EXAMPLE for each in fields if each.default is dataclasses.MISSING}
    start = agent.settings(**needed)
    return [start, *(replace(start, **{each.name: other(start, each.name)}) for each in fields)]


def other(start: AgentSettings, name: str) -> object:
    value, hint = getattr(start, name), typing.get_type_hints(type(start))[name]
    match value:
        case bool():
            return not value
        case timedelta():
            return value * 2
        case _ if typing.get_origin(hint) is typing.Literal:
            return next(each for each in typing.get_args(hint) if each != value)
        case str():
            return f"{value}other"
    raise TypeError(f"no other value for {name}: {hint}")


def target_of(settings: AgentSettings, cluster: str, application: str, component: str) -> Target:
    folder = f"clusters/{cluster}/apps/shop/{application}/{component}"
    return Target(cluster, settings, "shop", application, component, NAMESPACES, folder, DEPLOY)


def longest_target(settings: AgentSettings) -> Target:
    return target_of(settings, "c" * 63, "a" * 63, "b" * 63)


def of_tenant(agent: Agent, settings: AgentSettings, cluster: str) -> Objects:
    """What the set-up of a tenant has because of its agent."""
    tenant = TenantTarget(cluster, settings, "shop", NAMESPACES, DEPLOY)
    folder = f"clusters/{cluster}/apps/shop/store"
    application = ApplicationTarget(cluster, settings, "shop", "store", NAMESPACES, folder, DEPLOY)
    return (
        *access_objects(Tenant("shop", "shop", namespaces=NAMESPACES[1:]), agent.accounts(tenant)),
        *agent.tenant_references(tenant),
        *agent.application_references(application),
    )


def root_of(settings: AgentSettings, cluster: str, deploy: Repo = DEPLOY) -> ClusterTarget:
    return ClusterTarget(
        cluster,
        settings,
        deploy,
        f"https://git.example.com/{deploy.path}.git",
        "main",
        f"clusters/{cluster}/sync",
        f"https://switchyard.example.com/reports/x/{cluster}",
    )


def at_api(agent: Agent, settings: AgentSettings) -> ApiObjects | None:
    """What a cluster has at the API of its provider, if its agent is configured through one."""
    if not isinstance(agent, ApiAgent):
        return None
    units = [target_of(settings, "eu-1", "store", each) for each in ("web", "db")]
    return agent.api_objects(root_of(settings, "eu-1"), units)


def everything(agent: Agent, settings: AgentSettings, cluster: str = "eu-1") -> Objects:
    """The objects of every scope."""
    root = root_of(settings, cluster)
    unit = target_of(settings, cluster, "store", "web")
    setup = replace(unit, application="tenant-shop", component="namespace", is_tenant_setup=True)
    return (
        *agent.references(unit),
        *agent.references(setup),
        *of_tenant(agent, settings, cluster),
        *agent.cluster_references(root),
    )


def identity(item: Mapping[str, Json]) -> tuple[Json, ...]:
    metadata = item["metadata"]
    assert isinstance(metadata, dict)
    return item["apiVersion"], item["kind"], metadata.get("namespace"), metadata["name"]


@every
def test_its_settings_are_described_and_are_a_part_of_the_cluster_document(agent: Agent) -> None:
    for each in dataclasses.fields(agent.settings):
        assert each.metadata["description"].strip().endswith((".", "`"))
    if dataclasses.fields(agent.settings):
        part = setting_parts()[agent.name]
        assert list(part.model_fields) == [each.name for each in dataclasses.fields(agent.settings)]
    for settings in settings_of(agent):
        assert settings.max_report_age >= timedelta(minutes=1)


@every
def test_every_setting_has_an_effect(agent: Agent) -> None:
    """On an object, the age of reports, who speaks, or what is refused.

    Those that share a text change no object.
    """
    start, *changed = settings_of(agent)
    for each, settings in zip(dataclasses.fields(agent.settings), changed, strict=True):
        before, after = everything(agent, start), everything(agent, settings)
        effects = [
            (
                found.max_report_age,
                found.speaker,
                agent.refusals(longest_target(found)),
                objects,
                at_api(agent, found),
            )
            for found, objects in ((start, before), (settings, after))
        ]
        assert effects[0] != effects[1], each.name
        if not each.compare:
            of_units = [agent.references(target_of(s, "eu-1", "a", "b")) for s in (start, settings)]
            assert of_units[0] == of_units[1], each.name
            assert of_tenant(agent, start, "eu-1") == of_tenant(agent, settings, "eu-1"), each.name


@every
def test_what_it_has_at_an_api_is_named_as_ours_and_of_one_cluster(agent: Agent) -> None:
    """So that what is obsolete is found by its name, and nothing else is deleted."""
    found = [at_api(agent, settings) for settings in settings_of(agent)]
    for each in found:
        if each is not None:
            for name in each.objects:
                assert name == each.prefix or name.startswith(f"{each.prefix}-")


@every
@given(component=names, application=names, cluster=names)
@small
def test_its_objects_are_whole_and_stable(
    agent: Agent, component: str, application: str, cluster: str
) -> None:
    for settings in settings_of(agent)[:1]:
        target = target_of(settings, cluster, application, component)
        made = agent.references(target)

        assert made == agent.references(target)
        assert all(reason.strip() for reason in agent.refusals(target))
        for item in (*made, *everything(agent, settings, cluster)):
            assert SUBDOMAIN.fullmatch(str(identity(item)[-1]))
            (again,) = yaml.load_documents(yaml.dump(item))
            assert again.value == item


@every
@given(component=names, application=names, length=st.integers(1, 63))
@small
def test_of_a_clusters_name_only_the_length_decides_what_is_refused(
    agent: Agent, component: str, application: str, length: int
) -> None:
    """Rendering asks once for all clusters with names of one length."""
    for settings in settings_of(agent):
        one, other = (
            bool(agent.refusals(target_of(settings, letter * length, application, component)))
            for letter in "cx"
        )
        assert one is other


@every
def test_its_objects_are_what_its_own_definitions_allow(agent: Agent) -> None:
    built_in = {"v1", "rbac.authorization.k8s.io/v1"}
    for settings in settings_of(agent):
        for item in everything(agent, settings):
            if item["apiVersion"] in built_in:
                kubernetes_validate.validate(item, "1.37", strict=True)
            else:
                assert violations(item) == []


@every
def test_only_the_name_of_a_cluster_differs_between_clusters(agent: Agent) -> None:
    """So that the text is written once, with a placeholder."""
    settings = settings_of(agent)[0]
    placed = [
        json.dumps(
            [
                agent.references(target_of(settings, name, "a", "b")),
                of_tenant(agent, settings, name),
            ]
        )
        for name in (CLUSTER_PLACEHOLDER, "eu-1")
    ]

    assert placed[0].replace(CLUSTER_PLACEHOLDER, "eu-1") == placed[1]


@every
def test_no_two_objects_of_a_cluster_are_the_same(agent: Agent) -> None:
    found = [identity(item) for item in everything(agent, settings_of(agent)[0])]

    assert len(found) == len(set(found))


@every
def test_two_deploy_repos_of_a_cluster_have_roots_of_their_own(agent: Agent) -> None:
    """Otherwise the second one would replace the first, and its objects would be pruned.

    Only a project of Argo CD lists repositories, and it permits all that the settings describe.
    """
    settings = settings_of(agent)[0]
    for other in ("fleet/other", "fleet-deploy", "Fleet/deploy", "fleet/deploy-" + "x" * 60):
        first, second = (
            {
                identity(item): item
                for item in agent.cluster_references(root_of(settings, "eu-1", r))
            }
            for r in (DEPLOY, Repo("local", other))
        )
        shared = first.keys() & second.keys()
        different = {str(each[1]) for each in shared if first[each] != second[each]}
        assert different <= {"AppProject"}


@every
@given(parts=st.lists(st.tuples(names, names), min_size=2, max_size=4, unique=True))
@small
def test_no_two_units_of_a_cluster_share_an_object(
    agent: Agent, parts: list[tuple[str, str]]
) -> None:
    settings = settings_of(agent)[0]
    identities = [
        {identity(item) for item in agent.references(target_of(settings, "c1", *part))}
        for part in parts
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
def test_words_are_within_limits(agent: Agent, data: st.DataObject, cluster: str) -> None:
    body = json.dumps(data.draw(jsons(WORDS[agent.name]))).encode()

    for word in report(agent, cluster, body):
        assert re.fullmatch(r"[0-9a-f]{40}|", word.revision)
        assert word.revision or word.is_about_cluster or word.readiness is Readiness.STALLED
        assert word.at.tzinfo is not None
        assert len(word.message) <= MAX_MESSAGE_LENGTH


@every
@given(data=st.data())
@small
def test_objects_of_any_shape_are_read(agent: Agent, data: st.DataObject) -> None:
    item = data.draw(jsons(WORDS[agent.name]))
    try:
        words = agent.read("c1", [item] if isinstance(item, dict) else [])
    except ReportError:
        return
    for word in words:
        assert re.fullmatch(r"[0-9a-f]{40}|", word.revision)
        assert len(word.message) <= MAX_MESSAGE_LENGTH


@every
@given(body=st.binary(max_size=200))
@small
def test_any_bytes_end_in_words_or_a_report_error(agent: Agent, body: bytes) -> None:
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
    assert report(agent, "c1", body) == ()
