"""What the first page says of a deploy repo whose rules on GitHub do not hold the order."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.grounds import CONTEXT, REPO, GitHubGround

APP, OTHER = 7, 15368
ADDRESS = "http://bot.test/hooks/github"


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[GitHubGround]:
    made = GitHubGround(tmp_path)
    made.push("main", {"a.txt": b"one\n"})
    made.github.hook_url = ADDRESS
    yield made
    await made.forge.close()
    made.stop()


def ruleset(app: int | None) -> list[dict[str, Any]]:
    """A ruleset that requires the status, of that App."""
    check = {"context": CONTEXT, **({"integration_id": app} if app else {})}
    parameters = {"required_status_checks": [check], "strict_required_status_checks_policy": True}
    return [{"type": "required_status_checks", "parameters": parameters}]


@pytest.mark.parametrize(
    ("protected", "rules", "told"),
    [
        (False, [], "does not require the status switchyard/order"),
        (True, [], "takes the status switchyard/order from anybody with write access"),
        (APP, [], ""),
        (False, ruleset(None), "takes the status switchyard/order from anybody with write access"),
        (False, ruleset(APP), ""),
        (True, ruleset(APP), ""),
        (False, ruleset(OTHER), "from another App, so nothing can be merged"),
        (OTHER, ruleset(APP), "from another App, so nothing can be merged"),
    ],
)
async def test_the_order_has_to_come_from_the_app(
    ground: GitHubGround, protected: int, rules: list[dict[str, Any]], told: str
) -> None:
    if protected is False:
        ground.made.forge.repositories[REPO].required_statuses.clear()
    ground.github.protection_app = None if protected is True else protected
    ground.github.rulesets[REPO] = rules

    found = await ground.forge.check_setup([REPO], [REPO], ADDRESS)

    assert len(found) == bool(told), found
    assert told in "".join(found)
