"""What a tenant must not reach, family by family, and what people really have, which passes.

The rows are in `tenant_escapes.yaml` and `tenant_objects.yaml`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from planners.model import Tenant
from renderers import yaml
from renderers.policy.allowed_kinds import defined_kinds
from renderers.policy.references import PERMITTED
from renderers.policy.tenancy import violations

HERE = Path(__file__).parent
GUIDE = Path(__file__).parents[3] / "docs/guides/set-up-a-tenant.md"
HOSTS = ("*.shop.example.com", "shop.example.com")
LEAST = 350


@dataclass(frozen=True, slots=True)
class Row:
    """An object of the table, what its tenant is allowed, and the words of the refusal."""

    family: str
    item: dict[str, Any]
    allowed: tuple[str, ...]
    refused: str

    @property
    def label(self) -> str:
        """Kind and name, with which every message begins."""
        return f"{self.item['kind']}/{self.item['metadata']['name']} "

    def messages(self) -> list[str]:
        """Why the tenant may not write the object."""
        tenant = Tenant(
            "retail",
            "shop",
            namespaces=("shop-jobs",),
            hosts=HOSTS,
            allowed_kinds=self.allowed,
        )
        return list(violations(self.item, tenant))


def row(family: str, text: Mapping[str, Any]) -> Row:
    fields = dict(text)
    api_version, _, kind = fields.pop("is").partition(" ")
    allowed, refused = tuple(fields.pop("allowed", ())), fields.pop("refused", "")
    metadata = {"name": "x", **fields.pop("metadata", {})}
    item = {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}
    return Row(family, item, allowed, refused)


def rows(file: str) -> list[Row]:
    (document,) = yaml.load_documents((HERE / file).read_bytes())
    families: Any = document.value
    return [row(family, each) for family, listed in families.items() for each in listed]


def name(each: Row) -> str:
    return f"{each.family}-{each.item['kind']}"


ESCAPES = rows("tenant_escapes.yaml")


@pytest.mark.parametrize("each", ESCAPES, ids=name)
def test_an_escape_is_refused_with_the_reason(each: Row) -> None:
    messages = each.messages()

    assert any(message.startswith(each.label + each.refused) for message in messages), messages
    assert all(message.startswith(each.label) for message in messages)


def test_the_table_is_long_and_no_row_stands_twice() -> None:
    distinct = {repr((each.item, each.allowed)) for each in ESCAPES}

    assert len(ESCAPES) == len(distinct) >= LEAST


def test_a_refusal_says_what_to_do_and_who_can_allow_more() -> None:
    (ingress,) = row("", {"is": "networking.k8s.io/v1 IngressClass"}).messages()
    (host,) = row(
        "", {"is": "networking.k8s.io/v1 Ingress", "spec": {"rules": [{"host": "a.example.org"}]}}
    ).messages()
    (reference,) = row(
        "",
        {
            "is": "example.com/v1 Widget",
            "allowed": ["Widget.example.com"],
            "spec": {"targetNamespace": "beta"},
        },
    ).messages()

    assert ingress == (
        "IngressClass/x is cluster-scoped; the platform team can allow it in the fleet repo: add "
        "IngressClass.networking.k8s.io to kinds.allowed of tenant retail"
    )
    assert host == (
        "Ingress/x takes host a.example.org at spec.rules[0].host; tenant retail owns hosts "
        "*.shop.example.com, shop.example.com and the cluster-local names of its namespaces: the "
        "platform team can add it to spec.hosts of the tenant in the fleet repo"
    )
    assert reference == (
        "Widget/x refers to namespace beta at spec.targetNamespace; tenant retail may name only "
        "shop, shop-jobs, which the platform team can extend in the fleet repo (spec.namespaces of "
        "the tenant)"
    )


@pytest.mark.parametrize("each", rows("tenant_objects.yaml"), ids=name)
def test_what_people_really_have_passes(each: Row) -> None:
    assert each.messages() == []


@pytest.mark.parametrize("each", PERMITTED, ids=lambda each: f"{each.group}-{each.kinds[0]}")
def test_the_guide_gives_the_reason_of_every_exception(each: Any) -> None:
    guide = " ".join(GUIDE.read_text().split())

    assert all(f"`{kind}`" in guide for kind in each.kinds)
    assert each.reason in guide


def definition(group: str, scope: str = "Namespaced", kind: str = "Widget") -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "x"},
        "spec": {"group": group, "scope": scope, "names": {"kind": kind}},
    }


@pytest.mark.parametrize(
    ("definitions", "found"),
    [
        ([definition("example.com")], {("example.com", "Widget")}),
        ([definition("example.com", "Cluster")], set()),
        ([definition("example.com", "")], set()),
        ([definition("example.com"), definition("example.com", "Cluster")], set()),
        ([definition("tekton.dev", kind="TaskRun")], set()),
        ([definition("iam.services.k8s.aws", kind="Role")], set()),
        ([definition("kustomize.toolkit.fluxcd.io", kind="Kustomization")], set()),
        ([definition("external-secrets.io", kind="ExternalSecret")], set()),
        ([definition("", kind="Node")], set()),
    ],
)
def test_an_application_defines_only_namespaced_kinds_of_its_own_groups(
    definitions: list[dict[str, Any]], found: set[tuple[str, str]]
) -> None:
    assert defined_kinds(definitions) == found


def test_a_kind_that_the_application_defines_is_allowed_but_checked_all_the_same() -> None:
    defined = defined_kinds([definition("example.com")])
    tenant = Tenant("retail", "shop")
    good = row("", {"is": "example.com/v1 Widget", "spec": {"size": 1}}).item
    bad = row("", {"is": "example.com/v1 Widget", "spec": {"hostNetwork": True}}).item

    assert list(violations(good, tenant, defined=defined)) == []
    assert len(list(violations(good, tenant))) == 1
    assert len(list(violations(bad, tenant, defined=defined))) == 1


def test_a_tenant_without_hosts_has_only_cluster_local_names() -> None:
    tenant = Tenant("retail", "shop")
    route = {"is": "networking.k8s.io/v1 Ingress"}
    own = row("", {**route, "spec": {"rules": [{"host": "web.shop.svc.cluster.local"}]}}).item
    public = row("", {**route, "spec": {"rules": [{"host": "shop.example.com"}]}}).item

    assert list(violations(own, tenant)) == []
    (refused,) = violations(public, tenant)
    assert refused == (
        "Ingress/x takes host shop.example.com at spec.rules[0].host; tenant retail owns no "
        "hosts but the cluster-local names of its namespaces: the platform team can add it to "
        "spec.hosts of the tenant in the fleet repo"
    )


def test_all_hosts_are_a_tenants_only_if_it_has_the_pattern_for_it() -> None:
    tenant = Tenant("edge", "edge", hosts=("*",))
    catch_all = row(
        "", {"is": "networking.k8s.io/v1 Ingress", "spec": {"defaultBackend": {}, "rules": [{}]}}
    )

    assert list(violations(catch_all.item, tenant)) == []


def test_no_pattern_covers_the_cluster_local_names_of_others() -> None:
    tenant = Tenant("edge", "edge", hosts=("*",))
    spec = {"hosts": ["pay.beta.svc.cluster.local", "*.local"]}
    hijack = row("", {"is": "networking.istio.io/v1 VirtualService", "spec": spec})

    assert [each.partition(",")[0] for each in violations(hijack.item, tenant)] == [
        "VirtualService/x takes host pay.beta.svc.cluster.local at spec.hosts[0]",
        "VirtualService/x takes host *.local at spec.hosts[1]",
    ]


def test_at_level_privileged_pods_may_use_the_node() -> None:
    tenant = Tenant("infra", "infra", pod_security="privileged")
    spec = {"template": {"spec": {"hostNetwork": True, "tolerations": [{"operator": "Exists"}]}}}

    assert list(violations(row("", {"is": "apps/v1 DaemonSet", "spec": spec}).item, tenant)) == []
