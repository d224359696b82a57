"""What Istio cannot tell apart is refused, or said, at the line of the intent."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.builders import warnings_of
from tests.fakes.connectivity import fleet, objects, problems, service, shop
from tests.fakes.folders import cluster, planned

TO_PAYMENT = "to: {component: payment, protocol: HTTP}"
CART = f"{{from: {{component: cart}}, {TO_PAYMENT}%s}}"
CART_80 = "{from: {component: cart}, to: {component: payment, port: 80, protocol: HTTP}%s}"
WEB = f"{{from: {{component: web}}, {TO_PAYMENT}%s}}"
MONITORING = f"{{from: {{namespace: monitoring}}, {TO_PAYMENT}%s}}"
OUTSIDE = (
    f"{{from: {{cidr: 0.0.0.0/0}}, {TO_PAYMENT}, external: {{host: shop.example.com}}, "
    "tls: permissive}"
)
ALLOW, NONE = ", allow: [{methods: [GET]}]", ", tls: none"
HERE = {"cart": ["eu-1"], "web": ["eu-1"], "payment": ["eu-1"]}
THERE = {"cart": ["eu-1"], "web": ["eu-2"], "payment": ["eu-2"]}


def mesh(number: int, kind: str = "istio", network: str = "", more: str = "") -> dict[str, str]:
    name = f"eu-{number}"
    facts = f"mesh: {kind}, meshId: m, network: {network or name}, podRanges: [10.{number}.0.0/16]"
    return cluster(
        name, network=f"{{{facts}, eastWest: {{address: 198.51.100.{number}}}{more}}}"
    )  # fmt: skip


def app(intents: Sequence[str], where: dict[str, list[str]], *, own: str = "web") -> dict[str, str]:
    """The shop, where one component has a service account of its own."""
    files = shop(", ".join(intents), where)
    path = f"deploy/{own}/deployment.yaml"
    if path in files:
        files[path] = files[path].replace(
            "      containers:", f"      serviceAccountName: {own}\n      containers:"
        )
    return files


EDGE = ", gatewayApi: true, ingress: {gatewayClass: edge, namespace: edge}"
REFUSED = [
    ("plain text beside rules", [CART % ALLOW, WEB % NONE], HERE, "istio", "remove `tls: none`"),
    (
        "plain callers with other rules",
        [CART % (ALLOW + NONE), WEB % NONE],
        HERE,
        "istio",
        "remove `tls: none`",
    ),
    (
        "a gateway outside of the mesh beside rules",
        [CART % ALLOW, OUTSIDE],
        HERE,
        "istio",
        "have the ingress gateway in the mesh",
    ),
    (
        "a waypoint in the way of other clusters",
        [WEB % ALLOW, CART % ""],
        THERE,
        "istio-ambient",
        "gives the called Service a waypoint",
    ),
]


@pytest.mark.parametrize("row", REFUSED, ids=[row[0] for row in REFUSED])
def test_it_is_refused(tmp_path: Path, row: tuple[Any, ...]) -> None:
    _, intents, where, kind, remedy = row
    repo = fleet(mesh(1, kind, more=EDGE), mesh(2, kind, more=EDGE))

    (problem,) = problems(tmp_path, app(intents, where), repo)

    assert problem.startswith("switchyard.yaml:")
    assert remedy in problem


CARRIED = [
    ("one caller with several intents", [CART % ALLOW, CART_80 % NONE], HERE, "istio"),
    ("ambient proxies have identities anyway", [CART % ALLOW, WEB % NONE], HERE, "istio-ambient"),
    ("no rules, nothing to go round", [CART % "", WEB % NONE], HERE, "istio"),
    ("accounts of their own", [CART % ALLOW, WEB % ""], HERE, "istio"),
]  # fmt: skip


@pytest.mark.parametrize("row", CARRIED, ids=[row[0] for row in CARRIED])
def test_it_is_not_refused(tmp_path: Path, row: tuple[Any, ...]) -> None:
    _, intents, where, kind = row
    proposal = planned(tmp_path, app(intents, where), fleet(mesh(1, kind)))

    assert not proposal.problems
    assert not [each for each in warnings_of(proposal) if "also admits" in each]


@pytest.mark.parametrize("kind", ["istio", "istio-ambient"])
def test_one_account_with_two_sets_of_rules_is_refused(tmp_path: Path, kind: str) -> None:
    intents = [CART % ALLOW, WEB % ", allow: [{methods: [POST]}]"]
    found = problems(tmp_path, app(intents, HERE, own=""), fleet(mesh(1, kind)))

    assert len(found) == 2
    assert all("service account default of namespace shop" in each for each in found)


def test_one_account_behind_a_gateway_is_said(tmp_path: Path) -> None:
    """Of what comes through the gateway, only the account is known."""
    intents = [CART % "", "{from: {component: web}, to: {component: stock}}"]
    where = {"cart": ["eu-1"], "web": ["eu-1"], "payment": ["eu-2"], "stock": ["eu-2"]}
    repo = fleet(mesh(1), mesh(2))
    shared, own = (app(intents, where, own=name) for name in ("", "web"))
    proposals = [planned(tmp_path / str(n), each, repo) for n, each in enumerate((shared, own))]
    said = [[each for each in warnings_of(it) if "also admits" in each] for it in proposals]

    assert [len(each) for each in said] == [2, 0]
    assert "connectivity from cart to payment: Istio also admits web" in said[0][0]


def test_a_namespace_of_other_clusters_is_said(tmp_path: Path) -> None:
    proposal = planned(
        tmp_path, app([CART % "", MONITORING % ""], THERE), fleet(mesh(1), mesh(2))
    )  # fmt: skip
    (warning,) = [each for each in warnings_of(proposal) if "also admits" in each]

    assert "also admits namespace monitoring of other clusters" in warning


def test_in_one_network_a_namespace_of_other_clusters_is_kept_out(tmp_path: Path) -> None:
    """Their addresses are known: nothing has to be said."""
    repo = fleet(mesh(1, network="one"), mesh(2, network="one"))
    proposal = planned(tmp_path, app([CART % "", MONITORING % ""], THERE), repo)
    rules = objects(proposal, "payment", "eu-2")["AuthorizationPolicy/connect-to-payment"]
    sources = [each["source"] for each in rules["spec"]["rules"][0]["from"]]

    assert {"namespaces": ["monitoring"], "notIpBlocks": ["10.1.0.0/16"]} in sources
    assert not [each for each in warnings_of(proposal) if "also admits" in each]


def test_callers_in_plain_text_are_those_without_an_identity(tmp_path: Path) -> None:
    proposal = planned(tmp_path, app([CART % NONE], HERE), fleet(mesh(1)))
    found = objects(proposal, "payment", "eu-1")["AuthorizationPolicy/connect-to-payment"]

    assert found["spec"]["rules"] == [
        {
            "from": [
                {"source": {"notPrincipals": ["*"]}},
                {"source": {"principals": ["cluster.local/ns/shop/sa/default"]}},
            ],
            "to": [{"operation": {"ports": ["8080"]}}],
        }
    ]


def test_a_headless_service_has_no_waypoint(tmp_path: Path) -> None:
    files = app([CART % ALLOW], HERE)
    files["deploy/payment/service.yaml"] = service("payment", extra=", clusterIP: None")

    (problem,) = problems(tmp_path, files, fleet(mesh(1, "istio-ambient")))

    assert "lacks a check of methods and paths" in problem
    assert "not headless" in problem


def test_clusters_of_one_ambient_mesh_have_networks_of_their_own(tmp_path: Path) -> None:
    repo = fleet(*(mesh(n, "istio-ambient", network="one") for n in (1, 2)))

    (problem,) = problems(tmp_path, app([CART % ""], THERE), repo)

    assert "must have networks of their own" in problem


def test_callers_stay_in_the_network_of_a_global_service(tmp_path: Path) -> None:
    repo = fleet(mesh(1, "istio-ambient"), mesh(2, "istio-ambient"))
    proposal = planned(tmp_path, app([CART % ""], THERE), repo)
    metadata = objects(proposal, "payment", "eu-2")["Service/payment"]["metadata"]

    assert metadata["labels"]["istio.io/global"] == "true"
    assert metadata["annotations"]["networking.istio.io/traffic-distribution"] == "PreferClose"
