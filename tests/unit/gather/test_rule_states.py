"""The states of rules are kept by the replica that read the newest ones."""

from datetime import UTC, datetime

import pytest

from bot.gather.rules import keep
from bot.store import Store
from bot.store.errors import StoreError
from bot.store.keys import RULES
from planners.model.rules import Phase, RuleKey, RuleState

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
KEY = RuleKey("lunch")


def test_a_replica_that_was_held_up_does_not_undo_what_another_one_decided(store: Store) -> None:
    keep(store.views, "shop", None, {KEY: RuleState(Phase.PENDING, NOW)})
    read = store.views.get(RULES + "shop")
    keep(store.views, "shop", read, {KEY: RuleState(Phase.ACTIVE, NOW)})
    newest = store.views.get(RULES + "shop")

    for old in (read, None):
        with pytest.raises(StoreError, match="another replica has decided for the rules of shop"):
            keep(store.views, "shop", old, {KEY: RuleState(Phase.IDLE, NOW)})

    assert store.views.get(RULES + "shop") == newest
