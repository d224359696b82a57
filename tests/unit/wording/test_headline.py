"""The one line of a rollout, in the states that no comment is kept of."""

from dataclasses import replace

from bot.wording import merge_requests
from bot.wording.diffs import Diffs
from bot.wording.headline import headline
from planners.model.overrides import Overrides
from planners.model.snapshot import PreviousDeployment
from tests.fakes.comments import Told, world
from tests.fakes.states import NEWER, updated


def rolled_back() -> Told:
    """An update on three clusters, all of them ready, that somebody takes back by command."""
    told = world(stages=()).installed()
    base = told.world.snapshot.base
    updated(told).change(revision=replace(told.world.snapshot.revision, sha=NEWER))
    told.blobs.update(told.proposal().contents)
    told.world.finish()
    back = Overrides(reverted=NEWER)
    return told.change(
        previous=PreviousDeployment(base.revision, base.entries, told.blobs), overrides=back
    )


def test_what_is_taken_back_without_a_failure_is_not_said_to_have_failed() -> None:
    told = rolled_back()
    under_way = str(headline(told.proposal(), preview=False))
    told.world.finish()

    assert under_way.startswith("rolling back revision bbbbbbbb: 0 of 2 waves merged; ")
    done = str(headline(told.proposal(), preview=False))
    assert done == "rolled back revision bbbbbbbb: 3 clusters ready"


def test_nor_is_it_on_the_merge_requests_that_take_it_back() -> None:
    proposal = rolled_back().proposal()
    change = proposal.changes[0]
    body = merge_requests.body(
        proposal.plan, proposal.digest, change, Diffs((), 0), links="", marker="<!-- -->"
    )

    assert f"Revision `{NEWER[:12]}` is being rolled back. This restores, byte for byte, " in body
