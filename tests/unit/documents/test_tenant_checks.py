"""Tenants are checked against each other: namespaces, hosts, and kinds that name nothing."""

import pytest

from bot.documents import read_fleet
from tests.fakes.folders import tenant


def problems(**specs: str) -> list[str]:
    files = {
        path: text.encode()
        for name, spec in specs.items()
        for path, text in tenant(name, spec).items()
    }
    return [str(each) for each in read_fleet(files).problems]


def test_two_tenants_never_share_a_namespace() -> None:
    found = problems(
        alpha="namespace: shop",
        beta="namespace: beta, namespaces: [shop]",
        gamma="namespace: gamma",
    )

    assert found == [
        (
            "tenants/alpha.yaml:4:8: namespace 'shop' of tenant 'alpha' is owned by tenant 'beta' "
            "too (defined at tenants/beta.yaml:4:38; only one of them can own it)"
        ),
        (
            "tenants/beta.yaml:4:38: namespace 'shop' of tenant 'beta' is owned by tenant 'alpha' "
            "too (defined at tenants/alpha.yaml:4:8; only one of them can own it)"
        ),
    ]


@pytest.mark.parametrize(
    "name",
    [
        *("argocd", "azure-arc", "cattle-fleet-system", "config-management-system", "default"),
        *("fleet-local", "flux-system", "kube-node-lease", "kube-public", "kube-system"),
        *("openshift-gitops", "openshift-monitoring", "switchyard"),
    ],
)
def test_no_tenant_owns_a_namespace_of_kubernetes_or_of_an_agent(name: str) -> None:
    hint = "(it belongs to Kubernetes, to an agent or to everybody; use another one)"

    assert problems(alpha=f"namespace: {name}") == [
        f"tenants/alpha.yaml:4:8: tenant 'alpha' must not own reserved namespace '{name}' {hint}"
    ]
    assert problems(alpha=f"namespace: shop, namespaces: [{name}]") == [
        f"tenants/alpha.yaml:4:38: tenant 'alpha' must not own reserved namespace '{name}' {hint}"
    ]


@pytest.mark.parametrize(
    ("one", "other", "verb"),
    [
        ("shop.example.com", "shop.example.com", "is"),
        ("'*.example.com'", "pay.example.com", "overlaps with 'pay.example.com',"),
        ("'*.example.com'", "'*.pay.example.com'", "overlaps with '*.pay.example.com',"),
        ("'*'", "pay.example.com", "overlaps with 'pay.example.com',"),
    ],
)
def test_two_tenants_never_share_a_host(one: str, other: str, verb: str) -> None:
    found = problems(alpha=f"namespace: a, hosts: [{one}]", beta=f"namespace: b, hosts: [{other}]")

    assert len(found) == 2
    assert found[0] == (
        f"tenants/alpha.yaml:4:30: host {one.strip(chr(39))!r} of tenant 'alpha' {verb} owned by "
        f"tenant 'beta' too (defined at tenants/beta.yaml:4:30; only one of them can own it)"
    )
    assert found[1].startswith("tenants/beta.yaml:4:30: host ")


@pytest.mark.parametrize(
    "hosts", ["[shop.example.com]", "['*.shop.example.com', shop.example.com]", "['*.example.org']"]
)
def test_hosts_that_do_not_overlap_are_right(hosts: str) -> None:
    assert (
        problems(alpha=f"namespace: a, hosts: {hosts}", beta="namespace: b, hosts: [x.org]") == []
    )


@pytest.mark.parametrize(
    "host", ["Shop.example.com", "https://a.b", "a.b:80", "'a.*.b'", "'*shop.b'", "a..b", "''"]
)
def test_a_host_is_a_name_or_a_pattern(host: str) -> None:
    (found,) = problems(alpha=f"namespace: a, hosts: [{host}]")

    assert "invalid host" in found
    assert found.startswith("tenants/alpha.yaml:4:30: ")


@pytest.mark.parametrize("host", ["web.shop.svc.cluster.local", "'*.svc'", "'*.local'", "local"])
def test_cluster_local_names_are_no_ones_hosts(host: str) -> None:
    (found,) = problems(alpha=f"namespace: a, hosts: [{host}]")

    assert found == (
        f"tenants/alpha.yaml:4:30: tenant 'alpha' must not own host {host.strip(chr(39))!r} "
        f"(a cluster-local name belongs to the owner of its namespace; remove it)"
    )


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("StorageClas", "Kubernetes has no kind 'StorageClas'; write a custom kind with its group"),
        (
            "ClusterIssuer",
            (
                "Kubernetes has no kind 'ClusterIssuer'; write a custom kind with its group "
                "(did you mean 'ClusterIssuer.cert-manager.io'?)"
            ),
        ),
        ("Kustomization.kustomize.toolkit.fluxcd.io", "kind 'Kustomization.kustomize.toolkit."),
        (
            "Application.argoproj.io",
            "kind 'Application.argoproj.io' controls agents; no tenant may",
        ),
    ],
)
def test_an_allowed_kind_has_an_effect(entry: str, message: str) -> None:
    (found,) = problems(alpha=f"namespace: a, kinds: {{allowed: [{entry}]}}")

    assert found.startswith(f"tenants/alpha.yaml:4:40: {message}")


def test_thousands_of_tenants_are_compared_at_once() -> None:
    many = {f"t{n}": f"namespace: n{n}, hosts: ['*.n{n}.example.com']" for n in range(1000)}

    assert len(problems(**many, more="namespace: n7, hosts: [a.b.n9.example.com]")) == 4


def test_kinds_and_fields_can_be_allowed() -> None:
    kinds = "StorageClass, Endpoints, ClusterIssuer.cert-manager.io, Widget.example.com"
    fields = "Service.externalIPs, Service.externalName, Service.loadBalancerIP, Ingress.snippets"

    assert problems(alpha=f"namespace: a, kinds: {{allowed: [{kinds}, {fields}]}}") == []
