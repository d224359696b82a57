"""The rules that rulesets set for a branch.

Source: GitHub Docs, "Get rules for a branch": all active rules, also those of the organisation.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from bot.forges.github.http import Http, ResponseError

NOT_VISIBLE = frozenset({403, 404})


async def rules_of(http: Http, repository: str, branch: str) -> Sequence[Mapping[str, Any]]:
    """The rules; none where the forge shows none, as on plans without rulesets."""
    try:
        path = f"/repos/{repository}/rules/branches/{quote(branch, safe='')}"
        return await http.pages(repository, path)
    except ResponseError as error:
        if error.status in NOT_VISIBLE:
            return ()
        raise
