"""Connectivity intents: who may call whom, and what that opens on which cluster."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from bot.engine.propose import Proposal, propose
from bot.report.model import CallView
from bot.web.ui.calls import call_graph
from bot.wording.connections import connection_changes, connections
from planners.connect import called
from planners.model import Unit
from tests.fakes.builders import World
from tests.fakes.connectivity import CALL, fleet, objects, problems, service, shop
from tests.fakes.folders import cluster, deployment, planned, snapshot_of, tenant

SERVER, CLIENT = "NetworkPolicy/connect-to-payment", "NetworkPolicy/connect-from-cart"


def pods(app: str, namespace: str = "shop") -> dict[str, object]:
    return {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "podSelector": {"matchLabels": {"app": app}},
    }


def test_a_server_admits_only_the_declared_client(tmp_path: Path) -> None:
    """EMCO's network_policy (E4): one policy on the server, and the client's egress to it."""
    proposal = planned(tmp_path, shop(), fleet())

    assert objects(proposal, "payment", "eu-1")[SERVER]["spec"] == {
        "ingress": [{"from": [pods("cart")], "ports": [{"port": 8080, "protocol": "TCP"}]}],
        "podSelector": {"matchLabels": {"app": "payment"}},
        "policyTypes": ["Ingress"],
    }
    assert objects(proposal, "cart", "eu-1")[CLIENT]["spec"] == {
        "egress": [{"to": [pods("payment")], "ports": [{"port": 8080, "protocol": "TCP"}]}],
        "podSelector": {"matchLabels": {"app": "cart"}},
        "policyTypes": ["Egress"],
    }


def test_a_client_is_not_closed_in_where_the_tenant_does_not_deny_egress(tmp_path: Path) -> None:
    proposal = planned(tmp_path, shop(), fleet(tenants="namespace: shop"))

    assert SERVER in objects(proposal, "payment", "eu-1")
    assert CLIENT not in objects(proposal, "cart", "eu-1")


def test_without_intents_nothing_is_derived(tmp_path: Path) -> None:
    bare = planned(tmp_path / "bare", shop(""), fleet())
    facts = cluster("eu-1", network="{mesh: istio, podRanges: [10.0.0.0/16]}")
    meshed = planned(tmp_path / "meshed", shop(""), fleet(facts, cluster("eu-2")))

    assert bare.files == meshed.files
    assert bare.digest == meshed.digest
    assert not [each for each in objects(bare, "cart", "eu-1") if "NetworkPolicy" in each]


def test_a_unit_without_its_own_part_keeps_its_files(tmp_path: Path) -> None:
    where = {"cart": ["eu-1", "eu-2"], "payment": ["eu-1"], "web": ["eu-1", "eu-2"]}
    net = "{podRanges: [10.0.0.0/16], clusterSet: eu}"
    repo = fleet(cluster("eu-1", network=net), cluster("eu-2", network=net))
    bare = planned(tmp_path / "bare", shop("", where), repo)
    call = "{from: {component: web}, to: {component: cart}}"
    connected = planned(tmp_path / "connected", shop(call, where), repo)

    changed = {
        unit.component for unit, files in connected.files.items() if files != bare.files[unit]
    }
    assert changed == {"cart", "web"}


def test_equal_clusters_share_what_is_derived(tmp_path: Path) -> None:
    where = {"cart": ["eu-1", "eu-2"], "payment": ["eu-1", "eu-2"]}
    proposal = planned(tmp_path, shop(where=where), fleet())

    ours, theirs = (objects(proposal, "payment", name) for name in ("eu-1", "eu-2"))
    assert ours[SERVER] == theirs[SERVER]


def test_namespaces_and_networks_may_call(tmp_path: Path) -> None:
    intents = (
        "{from: {namespace: monitoring}, to: {component: payment}}, "
        "{from: {cidr: 198.51.100.0/24}, to: {component: payment}}, "
        "{from: {component: payment}, to: {cidr: 192.0.2.0/24, port: 5432}}"
    )
    found = objects(planned(tmp_path, shop(intents), fleet()), "payment", "eu-1")

    monitoring = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}
    }
    assert found[SERVER]["spec"]["ingress"] == [
        {
            "from": [{"ipBlock": {"cidr": "198.51.100.0/24"}}, monitoring],
            "ports": [{"port": 8080, "protocol": "TCP"}],
        }
    ]
    assert found["NetworkPolicy/connect-from-payment"]["spec"]["egress"] == [
        {
            "to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}],
            "ports": [{"port": 5432, "protocol": "TCP"}],
        },
    ]


@pytest.mark.parametrize(
    ("intent", "said"),
    [
        ("to: {component: payment, service: pay}", "has no Service 'pay'; it has payment"),
        ("to: {component: payment, port: 81}", "Service/payment has no port 81; it has 80"),
        ("to: {component: payment, port: http}", "Service/payment has no port http; it has 80"),
        ("to: {component: payment, protocol: UDP}", "is TCP, but `to.protocol` is UDP"),
        ("to: {component: payment}, tls: strict", "lacks encryption"),
        ("to: {component: payment, protocol: HTTP}, allow: [{methods: [GET]}]", "lacks a check of"),
        ("to: {host: api.example.com, port: 443}", "a NetworkPolicy cannot name hosts"),
    ],
)
def test_an_intent_that_cannot_be_carried_out_is_refused_with_its_line(
    tmp_path: Path, intent: str, said: str
) -> None:
    found = problems(tmp_path, shop(f"{{from: {{component: cart}}, {intent}}}"), fleet())

    assert len(found) == 1
    assert found[0].startswith("switchyard.yaml:12:")
    assert said in found[0]


def test_a_way_across_clusters_needs_facts(tmp_path: Path) -> None:
    where = {"cart": ["eu-2"], "payment": ["eu-1"]}
    found = problems(tmp_path, shop(where=where), fleet())

    assert len(found) == 1
    assert "`spec.network.podRanges` of cluster eu-2" in found[0]
    assert "[on eu-1 from eu-2]" in found[0]


def test_a_host_must_belong_to_the_tenant(tmp_path: Path) -> None:
    intent = "{from: {cidr: 0.0.0.0/0}, to: {component: payment}, external: {host: a.example.org}}"
    found = problems(tmp_path, shop(intent), fleet())

    assert any("host a.example.org is not of tenant shop" in each for each in found)


def test_ports_are_those_of_the_pods_by_name(tmp_path: Path) -> None:
    app = shop()
    app["deploy/payment/service.yaml"] = service("payment", "{port: 80, targetPort: web}")
    app["deploy/payment/deployment.yaml"] = deployment("payment") + (
        "          ports: [{name: web, containerPort: 9000}]\n"
    )
    found = objects(planned(tmp_path, app, fleet()), "payment", "eu-1")

    assert found[SERVER]["spec"]["ingress"][0]["ports"] == [{"port": 9000, "protocol": "TCP"}]


def test_an_unknown_component_is_a_problem_of_the_document(tmp_path: Path) -> None:
    app = shop(CALL.replace("payment", "paiment"))
    with pytest.raises(Exception, match="unknown component 'paiment'"):
        planned(tmp_path, app, fleet())


def test_a_server_changes_before_its_clients_and_leaves_after_them(tmp_path: Path) -> None:
    proposal = planned(tmp_path, shop(), fleet())

    assert [each.units for each in proposal.plan.waves] == [
        (Unit("payment", "eu-1"),),
        (Unit("cart", "eu-1"),),
    ]


def test_components_may_call_each_other(tmp_path: Path) -> None:
    back = "{from: {component: payment}, to: {component: cart}}"
    proposal = planned(tmp_path, shop(f"{CALL}, {back}"), fleet())

    assert {SERVER, "NetworkPolicy/connect-from-payment"} < set(
        objects(proposal, "payment", "eu-1")
    )
    assert [each.units for each in proposal.plan.waves] == [
        (Unit("payment", "eu-1"),),
        (Unit("cart", "eu-1"),),
    ]


def test_what_is_called_on_the_same_cluster_is_waited_for_there_alone() -> None:
    servers = tuple(Unit("payment", name) for name in ("c1", "c2", "c3"))

    assert called(servers, ["c2"]) == (Unit("payment", "c2"),)
    assert called(servers, ["c1", "c9"]) == servers


def test_a_client_that_leaves_may_call_until_it_is_removed(tmp_path: Path) -> None:
    """A move of the client opens its new place first, and closes the old one last."""
    before = {"cart": ["eu-1"], "payment": ["eu-1", "eu-2"]}
    after = {"cart": ["eu-2"], "payment": ["eu-1", "eu-2"]}
    repo = fleet(tenants="namespace: shop")
    moved = snapshot_of(tmp_path / "after", shop(where=after), repo)
    world = World(snapshot_of(tmp_path / "before", shop(where=before), repo))
    world.finish()
    world.snapshot = replace(
        world.snapshot,
        application=moved.application,
        revision=replace(world.snapshot.revision, sha="b" * 40),
    )

    moving = propose(world.snapshot)
    assert SERVER in objects(moving, "payment", "eu-1")
    assert SERVER in objects(moving, "payment", "eu-2")
    done = world.finish()
    assert SERVER not in objects(done, "payment", "eu-1")
    assert world.merged[-1] != moving.plan.waves[-1].name


ENV = """
customizations:
  - name: where-payment-is
    components: [cart]
    target: {kind: Deployment, name: cart}
    strategicMerge:
      spec:
        template:
          spec:
            containers:
              - name: cart
                env: [{name: PAYMENT, value: "http://${connect.payment.host}:${connect.payment.port}"}]
"""


def test_a_client_is_told_where_its_server_is(tmp_path: Path) -> None:
    found = objects(planned(tmp_path, shop(more=ENV), fleet()), "cart", "eu-1")
    (container,) = found["Deployment/cart"]["spec"]["template"]["spec"]["containers"]

    assert container["env"] == [{"name": "PAYMENT", "value": "http://payment.shop.svc:80"}]
    assert CLIENT in found


def test_what_is_not_called_has_no_address(tmp_path: Path) -> None:
    found = problems(tmp_path, shop("", more=ENV), fleet())

    assert len(found) == 1
    assert found[0].startswith("switchyard.yaml:14:")
    assert "cart does not call payment on eu-1 (it calls nothing); declare it in" in found[0]


def test_two_addresses_are_one_too_many(tmp_path: Path) -> None:
    app = shop(f"{CALL[:-2]}, port: 80}}}}, {CALL[:-2]}, port: 81}}}}", more=ENV)
    app["deploy/payment/service.yaml"] = service(
        "payment", "{name: a, port: 80, targetPort: 8080}, {name: b, port: 81, targetPort: 8081}"
    )
    found = problems(tmp_path, app, fleet())

    assert "reaches payment at more than one port (80, 81)" in found[0]


def test_charts_cannot_be_told_where_a_server_is(tmp_path: Path) -> None:
    more = """
    customizations:
      - {name: chart, components: [cart], helmValues: {host: "${connect.payment.host}"}}
    """
    with pytest.raises(Exception, match="not available in helmValues"):
        planned(tmp_path, shop(more=more), fleet())


def test_the_picture_has_callers_left_of_what_they_call() -> None:
    calls = (
        CallView("web", "cart", crosses=False),
        CallView("cart", "payment", crosses=True),
        CallView("payment", "web", crosses=False),
    )
    found = call_graph(calls)

    assert found is not None
    assert [(each.name, each.x) for each in found.nodes] == [
        ("web", 0),
        ("cart", 236),
        ("payment", 472),
    ]
    assert [(each.x1, each.x2, each.crosses) for each in found.arrows] == [
        (176, 236, False),
        (412, 472, True),
        (472, 176, False),
    ]
    assert call_graph(()) is None


def test_the_comment_says_what_is_new_and_what_is_no_longer_allowed(tmp_path: Path) -> None:
    repo = fleet(tenants="namespace: shop")
    where = {"cart": ["eu-1"], "payment": ["eu-1"], "web": ["eu-1", "eu-2"]}
    web = "{from: {component: web}, to: {component: payment}}"
    probe = "{from: {namespace: monitoring}, to: {component: payment, port: 80}}"
    world = World(snapshot_of(tmp_path / "a", shop(f"{CALL}, {probe}", where), repo))
    first = propose(world.snapshot)
    world.finish()
    changed = snapshot_of(tmp_path / "b", shop(f"{CALL}, {web}", {**where, "web": ["eu-1"]}), repo)
    world.snapshot = replace(world.snapshot, application=changed.application)
    second = propose(world.snapshot)

    assert lines(first, {}) == (
        "new: cart may call payment on eu-1",
        "new: namespace monitoring may call payment:80 on eu-1",
    )
    assert lines(second, first.contents) == (
        "new: web may call payment on eu-1",
        "no longer: namespace monitoring may call payment:80 on eu-1",
    )


def test_the_comment_says_by_what_name_and_address_others_come_in(tmp_path: Path) -> None:
    """For those who keep the records of DNS; a cluster without the fact has the name alone."""
    way = "gatewayClass: edge, namespace: ingress"
    repo = fleet(
        cluster("eu-1", network=f"{{gatewayApi: true, ingress: {{address: 203.0.113.9, {way}}}}}"),
        cluster("eu-2", network=f"{{gatewayApi: true, ingress: {{{way}}}}}"),
    )
    asked = "to: {component: payment, protocol: HTTP}, external: {host: shop.example.com}"
    app = shop(f"{{from: {{cidr: 0.0.0.0/0}}, {asked}}}", {"payment": ["eu-1", "eu-2"]})

    assert lines(planned(tmp_path, app, repo), {}) == (
        "new: 0.0.0.0/0 may call payment as shop.example.com (203.0.113.9) on eu-1",
        "new: 0.0.0.0/0 may call payment as shop.example.com on eu-2",
    )


def lines(proposal: Proposal, merged: Mapping[str, bytes]) -> tuple[str, ...]:
    changes = [each for each in proposal.changes if each.files]
    found = connection_changes(changes, {**merged, **proposal.contents})
    return connections(proposal.links, found)


SET = ", kinds: {allowed: [ServiceExport.multicluster.x-k8s.io]}"


def in_a_set(*names: str, **more: str) -> dict[str, str]:
    """A fleet whose clusters are in one ClusterSet, each with its own range of pods."""
    networks = {
        name: f"{{clusterSet: eu, podRanges: [10.{number}.0.0/16]}}"
        for number, name in enumerate(names, 1)
    }
    documents = [cluster(name, network=text, **more) for name, text in networks.items()]
    return fleet(*documents, tenants=f"namespace: shop{SET}")


def test_across_a_cluster_set_the_service_is_exported(tmp_path: Path) -> None:
    app = shop(where={"cart": ["eu-2"], "payment": ["eu-1"]}, more=ENV)
    proposal = planned(tmp_path, app, in_a_set("eu-1", "eu-2"))
    server, client = objects(proposal, "payment", "eu-1"), objects(proposal, "cart", "eu-2")

    assert server["ServiceExport/payment"]["apiVersion"] == "multicluster.x-k8s.io/v1beta1"
    assert server["ServiceExport/payment"]["metadata"]["namespace"] == "shop"
    assert server[SERVER]["spec"]["ingress"] == [
        {
            "from": [{"ipBlock": {"cidr": "10.2.0.0/16"}}],
            "ports": [{"port": 8080, "protocol": "TCP"}],
        }
    ]
    (container,) = client["Deployment/cart"]["spec"]["template"]["spec"]["containers"]
    url = "http://payment.shop.svc.clusterset.local:80"
    assert container["env"] == [{"name": "PAYMENT", "value": url}]
    assert lines(proposal, {}) == ("new: cart may call payment on eu-1 from eu-2",)


def test_an_export_has_the_version_that_the_cluster_has(tmp_path: Path) -> None:
    version = "multicluster.x-k8s.io/v1alpha1"
    repo = in_a_set("eu-1", "eu-2", apiVersions=f"[{version}/ServiceExport]")
    proposal = planned(tmp_path, shop(where={"cart": ["eu-2"], "payment": ["eu-1"]}), repo)

    export = objects(proposal, "payment", "eu-1")["ServiceExport/payment"]
    assert export["apiVersion"] == version


def test_an_export_needs_the_platforms_consent(tmp_path: Path) -> None:
    repo = in_a_set("eu-1", "eu-2") | tenant(spec="namespace: shop")
    found = problems(tmp_path, shop(where={"cart": ["eu-2"], "payment": ["eu-1"]}), repo)

    assert len(found) == 1
    assert "add ServiceExport.multicluster.x-k8s.io to kinds.allowed" in found[0]


def test_a_server_that_moves_is_ready_before_its_clients_turn_to_it(tmp_path: Path) -> None:
    """Only the server and its clients change, and the old place is left last."""
    where = {"cart": ["eu-2"], "payment": ["eu-1"], "web": ["eu-2"]}
    repo = in_a_set("eu-1", "eu-2", "eu-3")
    world = World(snapshot_of(tmp_path / "a", shop(where=where, more=ENV), repo))
    merged = world.finish().contents
    local = {**where, "payment": ["eu-2"]}
    moved = snapshot_of(tmp_path / "b", shop(where=local, more=ENV), repo)
    world.snapshot = replace(
        world.snapshot,
        application=moved.application,
        revision=replace(world.snapshot.revision, sha="b" * 40),
    )
    moving, before = propose(world.snapshot), len(world.merged)

    changed = [(each.wave.name, sorted(each.units)) for each in moving.changes if each.files]
    assert changed == [
        ("all.1", [Unit("payment", "eu-2")]),
        ("all.2", [Unit("cart", "eu-2")]),
        ("remove.3", [Unit("payment", "eu-1")]),
    ]
    assert lines(moving, merged) == (
        "new: cart may call payment on eu-2",
        "no longer: cart may call payment on eu-1",
    )
    done = world.finish()
    assert world.merged[before:] == ["all.1", "all.2", "remove.3"]
    (container,) = objects(done, "cart", "eu-2")["Deployment/cart"]["spec"]["template"]["spec"][
        "containers"
    ]
    assert container["env"] == [{"name": "PAYMENT", "value": "http://payment.shop.svc:80"}]
