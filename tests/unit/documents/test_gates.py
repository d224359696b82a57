"""Gates that could never open, or ask a server that is not allowed, are refused with a line."""

import pytest

from bot.documents.application import read_application
from bot.documents.fleet import read_fleet
from tests.fakes.world import SWITCHYARD, small_app, small_fleet

SERVERS = (
    '{gateServers: [{at: "https://checks.example.com", tenants: [shop]}], '
    "gates: [{name: board, phase: before, commitCheck: {check: board}}]}"
)
ASK = 'webhook: {url: "https://checks.example.com/hook"}'
CHECK = "commitCheck: {check: a}"
REFUSED = {
    f"{{name: g, phase: before, stages: [canry], {ASK}}}": "unknown stage 'canry'",
    "{name: g, phase: before, commitCheck: {check: switchyard/order}}": (
        "gate 'g' can never open: switchyard/order is Switchyard's own status"
    ),
    '{name: g, phase: before, webhook: {url: "https://evil.example.com/hook"}}': (
        "no policy of the fleet lets gates of tenant 'shop' ask https://evil.example.com"
    ),
    '{name: g, phase: before, webhook: {url: "https://checks.example.com:8443/hook"}}': (
        "ask https://checks.example.com:8443"
    ),
    '{name: g, phase: before, webhook: {url: "http://checks.example.com/hook"}}': (
        "ask http://checks.example.com"
    ),
    '{name: g, phase: before, webhook: {url: "https://a@checks.example.com/"}}': "pattern",
    "{name: g, phase: before}": "exactly one of",
    f"{{name: g, phase: before, {ASK}, commitCheck: {{check: x}}}}": "exactly one of",
    f"{{name: freeze, phase: before, {ASK}}}": "gate name 'freeze' is reserved",
    f"{{name: board, phase: before, {ASK}}}": "policy 'default' has a gate 'board', too",
    "{name: g, phase: before, on: [install], job: {manifests: deploy/web}}": (
        "gate 'g' runs in the cluster, with everything that is installed or updated"
    ),
    "{name: g, phase: after, on: [removal], job: {manifests: deploy/web}}": (
        "where a removal leaves nothing to run beside"
    ),
    f"{{name: g, phase: during, {ASK}}}": "before",
    f"{{name: g, phase: before, on: [], {ASK}}}": "on is empty",
    '{name: g, phase: after, metric: {prometheus: "https://checks.example.com", query: up, '
    'condition: "about 3"}}': "pattern",
}


def problems(gate: str) -> list[str]:
    fleet = read_fleet({p: c for p, c in small_fleet(policy=SERVERS).items() if c is not None})
    assert fleet.problems == ()
    document = SWITCHYARD.replace(b"  rollout:\n", f"  rollout:\n    gates: [{gate}]\n".encode())
    files = {p: c for p, c in small_app().items() if c is not None}
    loaded = read_application({**files, "switchyard.yaml": document}, fleet.fleet, None)
    return [str(each) for each in loaded.problems]


@pytest.mark.parametrize("gate", REFUSED)
def test_it_is_refused_with_its_line(gate: str) -> None:
    found = problems(gate)

    assert any(REFUSED[gate] in each for each in found), found
    assert all(each.startswith("switchyard.yaml:") for each in found)


def test_what_a_policy_allows_is_accepted() -> None:
    assert problems(f"{{name: g, phase: before, stages: [rest, others], {ASK}}}") == []


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        (f"{{gates: [{{name: g, phase: before, {ASK}}}]}}", "no policy of the fleet lets gates"),
        (
            "{gates: [{name: g, phase: before, commitCheck: {check: switchyard/plan}}]}",
            "can never open",
        ),
        (
            f"{{gates: [{{name: g, phase: before, {CHECK}}}, {{name: g, phase: after, {CHECK}}}]}}",
            "duplicate gate 'g'",
        ),
        (f"{{gates: [{{name: g, phase: before, tenants: [shpo], {CHECK}}}]}}", "tenant 'shpo'"),
    ],
)
def test_a_policy_is_refused_likewise(policy: str, told: str) -> None:
    files = {p: c for p, c in small_fleet(policy=policy).items() if c is not None}
    (problem,) = read_fleet(files).problems

    assert told in str(problem)
    assert str(problem).startswith("policies/default.yaml:")
