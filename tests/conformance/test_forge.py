"""What the bot relies on from every forge, tried on each over its HTTP, and on the twin.

A forge joins by a Ground (see `grounds`).
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.engine import discovery
from bot.forges import (
    CommitRange,
    ForgeError,
    Merged,
    NotFoundError,
    NotMerged,
    Reaction,
    Role,
    Status,
    StatusState,
    TransientForgeError,
)
from tests.conformance.grounds import CONTEXT, GROUNDS, NOW, REPO, Ground

ONLY = {
    "test_a_team_or_group_has_members": "has_teams",
    "test_what_the_order_relies_on_is_looked_after": "looked_after",
    "test_where_a_queue_or_train_is_asked_for_it_is_entered_once": "has_queue",
}
"""What not every forge has: the test, and what its Ground calls it."""


@pytest.fixture(params=sorted(GROUNDS))
async def ground(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ground]:
    made = GROUNDS[request.param](tmp_path)
    made.push("main", {"a.txt": b"one\n"})
    yield made
    await made.forge.close()
    made.stop()


async def opened(ground: Ground, branch: str = "wave", text: bytes = b"two\n") -> int:
    ground.push(branch, {"a.txt": text})
    made = await ground.forge.open_merge_request(
        REPO, branch=branch, target="main", title=f"Title of {branch}", body="Body"
    )
    return made.number


async def allow(ground: Ground, number: int) -> str:
    """Let the required status succeed; the head."""
    head = (await ground.forge.merge_request(REPO, number)).head
    await ground.forge.set_status(REPO, head, Status(CONTEXT, StatusState.SUCCESS, "its turn"))
    return head


def test_every_forge_is_tried() -> None:
    assert set(GROUNDS) == {*discovery.forges(), "memory"}


async def test_a_comment_on_a_closed_merge_request_is_a_change(ground: Ground) -> None:
    first, second = await opened(ground), await opened(ground, "other", b"three\n")
    await ground.forge.set_merge_request_state(REPO, first, state="closed")
    await ground.forge.add_comment(REPO, first, "said after the end")

    changed = await ground.forge.changed_requests(REPO, NOW)
    assert {each.number for each in changed} == {first, second}
    assert await ground.forge.changed_requests(REPO, NOW + timedelta(days=1)) == ()


async def test_the_bot_knows_itself_and_its_repository(ground: Ground) -> None:
    me = await ground.forge.me()
    assert me.bot
    info = await ground.forge.repository(REPO)
    assert (info.path, info.default_branch) == (REPO, "main")
    credentials = await ground.forge.git_credentials(REPO)
    assert credentials.password not in info.clone_url
    assert info.ssh_url == (
        "" if ground.forge.name == "local" else f"git@{ground.forge.name}.invalid:{REPO}.git"
    )
    assert await ground.forge.role(REPO, "rita") is Role.WRITE
    assert await ground.forge.role(REPO, "nobody-of-that-name") is Role.NONE


async def test_opening_again_returns_the_open_one_untouched(ground: Ground) -> None:
    number = await opened(ground)

    again = await ground.forge.open_merge_request(
        REPO, branch="wave", target="main", title="Other", body="Other"
    )

    assert (again.number, again.title, again.body) == (number, "Title of wave", "Body")
    assert again.author == await ground.forge.me()
    await ground.forge.update_merge_request(REPO, number, title="New", body="<!-- x -->")
    found = await ground.forge.merge_request(REPO, number)
    assert (found.title, found.body, found.state) == ("New", "<!-- x -->", "open")
    assert (found.source_branch, found.target_branch) == ("wave", "main")
    assert found.source_repository == REPO
    assert str(number) in found.url


async def test_lists_are_newest_first_and_narrowed(ground: Ground) -> None:
    first, second = await opened(ground, "a/one"), await opened(ground, "a/two", b"2\n")
    other = await opened(ground, "b/three", b"3\n")
    await ground.forge.set_merge_request_state(REPO, first, state="closed")

    async def numbers(state: str, prefix: str = "") -> list[int]:
        found = await ground.forge.merge_requests(REPO, state=state, branch_prefix=prefix)
        return [each.number for each in found]

    assert await numbers("open") == [other, second]
    assert await numbers("all", "a/") == [second, first]
    assert await numbers("closed") == [first]
    assert await numbers("merged") == []


async def test_a_merge_is_pinned_to_the_head(ground: Ground) -> None:
    number = await opened(ground)
    old = await allow(ground, number)
    new = ground.push("wave", {"a.txt": b"three\n"})

    late = await ground.forge.merge(REPO, number, head=old, message="Merge")
    assert isinstance(late, NotMerged)
    early = await ground.forge.merge(REPO, number, head=new, message="Merge")
    assert isinstance(early, NotMerged)
    assert ground.missing in early.reason

    await allow(ground, number)
    merged = await ground.forge.merge(REPO, number, head=new, message="Merge")
    assert isinstance(merged, Merged)
    again = await ground.forge.merge(REPO, number, head=new, message="Merge")
    assert again == merged
    found = await ground.forge.merge_request(REPO, number)
    assert (found.state, found.merge_sha, found.head) == ("merged", merged.sha, new)
    by_commit = await ground.forge.merge_request_of(REPO, merged.sha)
    assert by_commit == found
    assert await ground.forge.merge_request_of(REPO, new) is None


async def test_a_conflict_is_told_and_not_merged(ground: Ground) -> None:
    first, second = await opened(ground, "first", b"1\n"), await opened(ground, "second", b"2\n")
    await ground.forge.merge(REPO, first, head=await allow(ground, first), message="Merge")

    head = await allow(ground, second)

    (listed,) = await ground.forge.merge_requests(REPO)
    assert listed.conflicts
    assert isinstance(await ground.forge.merge(REPO, second, head=head, message="m"), NotMerged)


async def test_approvals_carry_their_head_and_can_be_taken_back(ground: Ground) -> None:
    number = await opened(ground)
    ground.approve(number)
    old = (await ground.forge.merge_request(REPO, number)).head
    ground.push("wave", {"a.txt": b"three\n"})

    (review,) = await ground.forge.reviews(REPO, number)

    assert (review.user.login, review.head, review.at) == ("rita", old, NOW)
    ground.withdraw(number)
    assert await ground.forge.reviews(REPO, number) == ()


async def test_a_review_is_requested_of_those_who_can(ground: Ground) -> None:
    number = await opened(ground)
    author = (await ground.forge.me()).login

    await ground.forge.request_reviews(REPO, number, (author, "nobody", "rita", "fleet/none"))
    assert ground.reviewers(number) == ["rita"]
    await ground.forge.request_reviews(REPO, number, ("rita",))
    assert ground.reviewers(number) == ["rita"]

    ground.decline(number)
    assert ground.reviewers(number) == []


async def test_nobody_is_left_to_request_a_review_of(ground: Ground) -> None:
    number = await opened(ground)

    await ground.forge.request_reviews(REPO, number, ("nobody", "other/team"))
    assert ground.reviewers(number) == []


async def test_who_closed_it_is_told_and_the_bot_may_open_it_again(ground: Ground) -> None:
    number = await opened(ground)
    ground.close(number)
    closed = await ground.forge.merge_request(REPO, number)
    assert (closed.state, closed.closed_by) == ("closed", "rita")
    await ground.forge.set_merge_request_state(REPO, number, state="open")
    ground.delete_branch("wave")
    assert (await ground.forge.merge_request(REPO, number)).state == "closed"

    await ground.forge.set_merge_request_state(REPO, number, state="open")

    found = await ground.forge.merge_request(REPO, number)
    assert (found.state, found.head, found.closed_by) == ("open", closed.head, None)


def unreleased(ground: Ground, head: str, base: str) -> CommitRange:
    """What a pass asks about: the commits that `head` has and `base` has not."""
    repository = ground.made.forge.git.open(REPO)
    walker = repository.walk(head)
    walker.hide(base)
    return CommitRange("main", head, {str(c.id): tuple(map(str, c.parent_ids)) for c in walker})


async def test_everybody_with_a_hand_in_a_commit_is_told_by_account(ground: Ground) -> None:
    base = ground.made.forge.git.head(REPO, "main")
    assert base is not None
    number = await opened(ground)
    head = await allow(ground, number)
    await ground.forge.merge(REPO, number, head=head, message="Merge")
    merged = (await ground.forge.merge_request(REPO, number)).merge_sha
    assert merged is not None

    found = await ground.forge.contributors(REPO, unreleased(ground, merged, base))

    bot, otto = await ground.forge.me(), ground.made.forge.users["otto"]
    assert {bot.id, otto.id} <= found.accounts
    assert found.accounts <= {bot.id, otto.id, ground.made.forge.users["rita"].id}
    assert found.unattributed == ()


async def test_whoever_pushed_is_told_whatever_the_commit_says(ground: Ground) -> None:
    base = ground.made.forge.git.head(REPO, "main")
    assert base is not None
    head = ground.push("main", {"a.txt": b"two\n"}, claims="rita")

    found = await ground.forge.contributors(REPO, unreleased(ground, head, base))

    assert ground.made.forge.users["otto"].id in found.accounts
    assert found.unattributed == ()


async def test_a_user_is_known_by_the_id_of_the_account(ground: Ground) -> None:
    rita = ground.made.forge.users["rita"]

    found = await ground.forge.user(REPO, rita.id)

    assert found is not None
    assert (found.id, found.login, found.bot) == (rita.id, "rita", False)
    assert await ground.forge.user(REPO, 4711) is None


async def test_labels_are_told(ground: Ground) -> None:
    number = await opened(ground)
    ground.label(number, "switchyard/hold")
    assert (await ground.forge.merge_request(REPO, number)).labels == ("switchyard/hold",)


async def test_comments_come_oldest_first_and_edits_show(ground: Ground) -> None:
    number = await opened(ground)
    made = [await ground.forge.add_comment(REPO, number, f"no {index}") for index in range(60)]
    await ground.forge.edit_comment(REPO, number, made[0].id, "first")

    found = await ground.forge.comments(REPO, number)

    assert [each.id for each in found] == [each.id for each in made]
    assert (found[0].body, found[0].edited) == ("first", True)
    assert (found[59].body, found[59].edited) == ("no 59", False)
    assert found[0].author == await ground.forge.me()


async def test_the_newest_status_of_a_context_counts(ground: Ground) -> None:
    number = await opened(ground)
    head = (await ground.forge.merge_request(REPO, number)).head
    newest = Status(CONTEXT, StatusState.FAILURE, "no", "https://bot.test/why")
    await ground.forge.set_status(REPO, head, Status(CONTEXT, StatusState.PENDING, "wait"))
    await ground.forge.set_status(REPO, head, newest)

    assert await ground.forge.statuses(REPO, head) == (newest,)
    assert await ground.forge.checks(REPO, head) == (newest,)


async def test_webhooks_are_verified_on_their_exact_bytes(ground: Ground) -> None:
    number = await opened(ground)
    await ground.settle()
    headers, body = ground.webhooks[-1]

    delivery = ground.forge.verify(headers, body)

    assert delivery is not None
    assert (delivery.repository, delivery.number) == (REPO, number)
    assert delivery.sender == (await ground.forge.me()).login
    assert len({ground.forge.verify(*each) for each in ground.webhooks}) == len(ground.webhooks)
    assert ground.forge.verify(headers, body + b" ") is None
    assert ground.forge.verify({}, body) is None


async def test_what_is_not_there_is_refused_for_good(ground: Ground) -> None:
    with pytest.raises(ForgeError) as refused:
        await ground.forge.repository("no/such")
    assert not isinstance(refused.value, TransientForgeError)
    with pytest.raises(NotFoundError):
        await ground.forge.merge_request(REPO, 99)


async def test_a_list_asked_for_again_has_what_changed_meanwhile(ground: Ground) -> None:
    numbers = [await opened(ground, f"wave/{index}", b"%d\n" % index) for index in range(3)]
    assert [each.number for each in await ground.forge.merge_requests(REPO)] == numbers[::-1]
    ground.close(numbers[0])
    ground.label(numbers[1], "switchyard/hold")
    head = ground.push("wave/2", {"a.txt": b"other\n"})
    await ground.forge.update_merge_request(REPO, numbers[2], title="New", body="Text")

    second, first = await ground.forge.merge_requests(REPO)
    (closed,) = await ground.forge.merge_requests(REPO, state="closed")

    assert (second.title, second.body, second.head) == ("New", "Text", head)
    assert first.labels == ("switchyard/hold",)
    assert (closed.number, closed.closed_by) == (numbers[0], "rita")


async def test_a_team_or_group_has_members(ground: Ground) -> None:
    ground.team("edge/approvers", "rita")

    assert await ground.forge.member("edge/approvers", "rita") is ground.has_teams
    assert not await ground.forge.member("edge/approvers", "otto")
    assert not await ground.forge.member("edge/no-such", "rita")


async def test_a_comment_gets_a_reaction_once(ground: Ground) -> None:
    number = await opened(ground)
    made = await ground.forge.add_comment(REPO, number, "/switchyard plan")

    for _ in range(2):
        await ground.forge.react(REPO, number, made.id, Reaction.SEEN)

    assert len(await ground.forge.comments(REPO, number)) == 1


async def test_a_merge_request_has_a_ref_in_its_target(ground: Ground) -> None:
    number = await opened(ground)
    found = await ground.forge.merge_request(REPO, number)

    assert ground.ref(ground.forge.head_ref(number)) == found.head


async def test_what_the_order_relies_on_is_looked_after(ground: Ground) -> None:
    told = await ground.forge.check_setup([REPO], [REPO], "http://bot.test/hooks")
    assert not any("out of order" in each for each in told), told

    ground.made.forge.repositories[REPO].required_statuses.clear()
    told = await ground.forge.check_setup([REPO], [REPO], "http://bot.test/hooks")
    assert any("out of order" in each for each in told) is ground.looked_after


async def test_where_a_queue_or_train_is_asked_for_it_is_entered_once(ground: Ground) -> None:
    ground.ask_for_queue()
    number = await opened(ground)
    head = await allow(ground, number)

    told = [await ground.forge.merge(REPO, number, head=head, message="Merge") for _ in range(2)]

    assert ground.entered() == int(ground.has_queue)
    assert [isinstance(each, NotMerged) for each in told] == [ground.has_queue] * 2
