"""A tenant's quota is enforced over all its applications at plan time."""

from pathlib import Path

from bot.engine.propose import Proposal, propose
from tests.fakes.folders import application, cluster, deployment, registration, snapshot_of, tenant

SPEC = """
components:
  - {name: web, source: {manifests: web}}
placement:
  - {components: [web], allOf: [{}]}
"""
QUOTA = "namespace: shop, quota: {requests.cpu: '2', pods: '4'}"
OTHER = {
    "clusters/oslo/apps/shop/bank/teller/deployment-teller.yaml": deployment(
        "teller", requests="cpu: 500m", replicas=2
    )
    .replace("  name: teller\n", "  name: teller\n  namespace: shop\n", 1)
    .encode()
}


def run(
    folder: Path, requests: str, *, spec: str = QUOTA, deploy: dict[str, bytes] | None = None
) -> Proposal:
    app = {**application(SPEC), "web/x.yaml": deployment("web", requests=requests, replicas=3)}
    fleet = {**tenant(spec=spec), **registration(), **registration("bank")}
    fleet |= {**cluster("oslo"), **cluster("bergen")}
    return propose(snapshot_of(folder, app, fleet, deploy))


def test_a_plan_beyond_the_quota_is_rejected(tmp_path: Path) -> None:
    assert run(tmp_path / "fits", "cpu: 600m").problems == ()

    refused = run(tmp_path / "not", "cpu: 700m")

    assert [str(each) for each in refused.problems] == [
        f"tenant shop would use 2100m of requests.cpu on {name}, 100m more than its quota of 2: "
        f"request less, or raise the tenant's quota"
        for name in ("bergen", "oslo")
    ]


def test_other_applications_of_the_tenant_count_towards_its_quota(tmp_path: Path) -> None:
    refused = run(tmp_path, "cpu: 600m", deploy=OTHER)

    assert [str(each).partition(":")[0] for each in refused.problems] == [
        "tenant shop would use 5 of pods on oslo, 1 more than its quota of 4",
        "tenant shop would use 2800m of requests.cpu on oslo, 800m more than its quota of 2",
    ]


def test_each_namespace_has_the_quota_of_its_own(tmp_path: Path) -> None:
    spec = QUOTA.replace("namespace: shop", "namespace: shop, namespaces: [shop-jobs]")

    refused = run(tmp_path, "cpu: 600m", spec=spec, deploy=OTHER)

    assert "on oslo in namespace shop, 1 more" in str(refused.problems[0])


def test_pods_without_requests_are_rejected_as_by_the_cluster(tmp_path: Path) -> None:
    refused = run(tmp_path, "")

    assert "sets no requests.cpu for container web" in str(refused.problems[0])
