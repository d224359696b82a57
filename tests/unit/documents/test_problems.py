"""Every kind of mistake in a document is reported with file, line and column."""

import pytest

from bot.documents import read_application, read_fleet
from planners.model import Fleet
from tests.fakes.world import SWITCHYARD, small_app, small_fleet

FILES = {path: content for path, content in small_app().items() if content is not None}


def fleet() -> Fleet:
    files = {path: content for path, content in small_fleet().items() if content is not None}
    loaded = read_fleet(files)
    found, problems = loaded.fleet, loaded.problems
    assert problems == ()
    return found


def mistakes(old: str, new: str) -> list[str]:
    """The problems of the small application with one change."""
    assert old in SWITCHYARD.decode()
    changed = SWITCHYARD.decode().replace(old, new, 1).encode()
    known = fleet()
    registration = known.registration("storefront")
    problems = read_application({**FILES, "switchyard.yaml": changed}, known, registration).problems
    return [str(problem) for problem in problems]


def test_the_small_application_is_valid() -> None:
    assert mistakes("tenant: shop", "tenant: shop") == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "tenant: shop",
            "tennant: shop",
            [
                "switchyard.yaml:4:1: missing key 'tenant'",
                "switchyard.yaml:5:3: unknown key 'tennant' (did you mean 'tenant'?)",
            ],
        ),
        (
            "timeout: 10m",
            "timeout: 99999999h",
            [
                (
                    "switchyard.yaml:10:38: invalid duration '99999999h'; expected at most 87600h "
                    "(ten years)"
                )
            ],
        ),
        (
            "tenant: shop",
            "tenant: shop\n  tenant: shop",
            ["switchyard.yaml:6:3: duplicate key 'tenant'"],
        ),
        (
            "tenant: shop",
            "tenant: 5",
            ["switchyard.yaml:5:3: tenant is the number 5; expected a string"],
        ),
        (
            "tenant: shop",
            "tenant: other",
            ["switchyard.yaml:5:3: the tenant is 'other', but the fleet registers 'shop'"],
        ),
        (
            "name: cart\n",
            "name: Cart\n",
            [
                (
                    "switchyard.yaml:8:7: invalid name 'Cart'; expected at most 63 lower-case letters, "
                    "digits and '-'"
                )
            ],
        ),
        (
            "name: cart\n",
            "name: redis\n",
            [
                (
                    "switchyard.yaml:6:3: dependency cycle: redis -> redis (remove one of these dependencies)"
                ),
                "switchyard.yaml:8:7: duplicate component 'redis' (first defined at switchyard.yaml:7:8)",
                "switchyard.yaml:13:20: unknown component 'cart' (available: redis, web)",
                "switchyard.yaml:15:27: unknown component 'cart' (available: redis, web)",
            ],
        ),
        (
            "component: redis",
            "component: rediss",
            ["switchyard.yaml:10:20: unknown component 'rediss' (did you mean 'redis'?)"],
        ),
        (
            "component: redis",
            "component: web",
            [
                (
                    "switchyard.yaml:6:3: dependency cycle: cart -> web -> cart (remove one of these dependencies)"
                )
            ],
        ),
        (
            "timeout: 10m",
            "timeout: soon",
            ["switchyard.yaml:10:38: invalid duration 'soon'; expected e.g. 30s, 15m or 1h30m"],
        ),
        (
            "on: allClusters",
            "on: allCluster",
            [
                (
                    "switchyard.yaml:13:37: on is 'allCluster'; expected sameCluster, allClusters, "
                    "anyCluster or quorum (did you mean 'allClusters'?)"
                )
            ],
        ),
        (
            "on: allClusters",
            "on: quorum",
            ["switchyard.yaml:13:19: `quorum` is required for `on: quorum`, and invalid otherwise"],
        ),
        (
            "manifests: deploy/cart",
            "manifests: deploy/carts",
            [
                "switchyard.yaml:9:16: no files in folder 'deploy/carts' (did you mean 'deploy/cart'?)"
            ],
        ),
        (
            "manifests: deploy/cart",
            "manifests: ../cart",
            [
                (
                    "switchyard.yaml:9:16: invalid folder '../cart'; expected a path in the repository, "
                    "e.g. deploy/cart"
                )
            ],
        ),
        (
            "manifests: deploy/cart",
            "helm: charts/cart",
            [
                (
                    "switchyard.yaml:9:16: no files in folder 'charts/cart' (available: "
                    "deploy/cart, deploy/redis, deploy/web)"
                ),
            ],
        ),
        (
            "tier: edge",
            "tier: core",
            [
                (
                    "switchyard.yaml:16:15: tier=core matches no cluster of the fleet "
                    "(values of tier: edge)"
                )
            ],
        ),
        (
            "[redis, cart, web]",
            "[redis, cart]",
            [
                (
                    "switchyard.yaml:11:7: component 'web' has no placement (add it to an entry of "
                    "spec.placement)"
                )
            ],
        ),
        (
            "{name: rest}",
            "{name: remove}",
            ["switchyard.yaml:20:9: stage name 'remove' is reserved"],
        ),
        (
            "{name: rest}",
            "{name: rest, maxAtOnce: 0}",
            [
                (
                    "switchyard.yaml:20:22: invalid number 0; expected 1 or more, or a percentage, "
                    "e.g. 25%"
                )
            ],
        ),
        (
            "metadata: {name: storefront}",
            "metadata: {name: storefront",
            ["switchyard.yaml:4:5: did not find expected ',' or '}'"],
        ),
    ],
)
def test_each_mistake_is_reported_at_its_position(old: str, new: str, said: list[str]) -> None:
    assert mistakes(old, new) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("add: [one], reason: x", []),
        ("reason: x", ["an exception must have `add`, `remove` or `replicas`"]),
        ("add: [one], remove: [one], reason: x", ["'one' is in both `add` and `remove`"]),
        ("add: [one], clusters: {}, reason: x", ["`clusters` and `workload` require `replicas`"]),
        ("remove: [onne], reason: x", ["unknown cluster 'onne' (did you mean 'one'?)"]),
        (
            "replicas: 2, clusters: {names: [four]}, reason: x",
            ["unknown cluster 'four' (available: one, three, two)"],
        ),
        (
            "add: [one], until: tomorrow, reason: x",
            ["invalid time 'tomorrow'; expected RFC 3339, e.g. 2026-12-24T18:00:00Z"],
        ),
        ("add: [one]", ["missing key 'reason'"]),
    ],
)
def test_exceptions_must_be_complete_and_consistent(written: str, said: list[str]) -> None:
    found = mistakes("  rollout:", f"  exceptions: [{{components: [web], {written}}}]\n  rollout:")

    assert [each.partition(": ")[2] for each in found] == said


def test_an_exception_for_an_unknown_component_is_reported() -> None:
    added = "  exceptions: [{components: [webb], add: [one], reason: x}]\n  rollout:"

    assert mistakes("  rollout:", added) == [
        "switchyard.yaml:17:30: unknown component 'webb' (did you mean 'web'?)"
    ]


def test_a_missing_file_is_reported() -> None:
    problems = read_application({}, None, None).problems

    assert str(problems[0]).startswith("switchyard.yaml:1:1: file not found")


def test_a_document_of_another_kind_is_one_problem() -> None:
    files = {path: content for path, content in small_fleet().items() if content is not None}
    files["clusters/shop.yaml"] = files.pop("tenants/shop.yaml")

    found = [str(each) for each in read_fleet(files).problems if "clusters/" in str(each)]

    assert found == ["clusters/shop.yaml:2:1: kind is 'Tenant'; expected Cluster"]


def test_a_fleet_reports_unknown_and_duplicate_names() -> None:
    files = {path: content for path, content in small_fleet().items() if content is not None}
    files["clusters/again.yaml"] = files["clusters/one.yaml"].replace(b"flux", b"fluxx")
    files["applications/storefront.yaml"] = files["applications/storefront.yaml"].replace(
        b"tenant: shop", b"tenant: shops"
    )

    problems = read_fleet(files).problems

    assert [str(problem) for problem in problems] == [
        "applications/storefront.yaml:4:33: unknown tenant 'shops' (did you mean 'shop'?)",
        "clusters/again.yaml:4:8: unknown agent 'fluxx' (did you mean 'flux'?)",
        (
            "clusters/one.yaml:3:12: duplicate Cluster 'one' (first defined at "
            "clusters/again.yaml:3:12; rename one of them)"
        ),
    ]


@pytest.mark.parametrize(
    ("deploy", "is_refused"), [("gitlab:fleet/deploy", True), ("local:fleet/other", False)]
)
def test_deploy_repos_that_agents_would_call_the_same_are_reported(
    deploy: str, is_refused: bool
) -> None:
    files = {path: content for path, content in small_fleet().items() if content is not None}
    registration = files["applications/storefront.yaml"].replace(b"storefront", b"billing")
    files["applications/a.yaml"] = registration.replace(b"local:fleet/deploy", deploy.encode())

    problems = [str(problem) for problem in read_fleet(files).problems]

    assert bool(problems) is is_refused
    for each in problems:
        assert "local:fleet/deploy has the same name for agents as gitlab:fleet/deploy" in each


QUERY = "{name: busy, at: 'https://metrics.example.com', query: max(x)%s}"
RULE = """  rules:
    - {name: burst, components: [web], signal: {metric: %s}, above: 1, addClusters: {}}
  rollout:"""


@pytest.mark.parametrize(
    ("watched", "tenants", "said"),
    [
        ("busy", "", ""),
        ("busy", ", tenants: [shop]", ""),
        ("busi", "", "no policy of the fleet has a query 'busi' for tenant 'shop' (did you mean 'busy'?)"),
        ("busy", ", tenants: [bank]", "no policy of the fleet has a query 'busy' for tenant 'shop' (add it to `queries` of a policy in the fleet repo)"),
    ],
)  # fmt: skip
def test_a_rule_watches_a_query_that_is_for_its_tenant(
    watched: str, tenants: str, said: str
) -> None:
    made = small_fleet(policy=f"{{queries: [{QUERY % tenants}]}}")
    known = read_fleet({path: content for path, content in made.items() if content}).fleet
    document = SWITCHYARD.decode().replace("  rollout:", RULE % watched).encode()
    files = {**small_app(), "switchyard.yaml": document}

    problems = read_application({p: c for p, c in files.items() if c}, known, None).problems

    assert [str(each).partition(": ")[2] for each in problems] == [said] * bool(said)


def test_a_query_has_one_meaning_in_the_fleet() -> None:
    files = {path: content for path, content in small_fleet().items() if content is not None}
    policy = files["policies/default.yaml"].replace(b"{}", f"{{queries: [{QUERY % ''}]}}".encode())
    files["policies/default.yaml"] = policy
    files["policies/more.yaml"] = policy.replace(b"name: default", b"name: more")

    assert [str(each) for each in read_fleet(files).problems] == [
        (
            "policies/more.yaml:4:19: duplicate query 'busy' (first defined at "
            "policies/default.yaml:4:19; rename one of them)"
        )
    ]


def test_at_most_a_hundred_problems_are_listed() -> None:
    stages = "\n".join(f"      - {{name: stage-{n}, x: 1}}" for n in range(150))
    changed = SWITCHYARD.decode().replace("      - {name: rest}", stages).encode()

    problems = read_application({**FILES, "switchyard.yaml": changed}, None, None).problems

    assert len(problems) == 101
    assert problems[-1].message == "50 more problems"
