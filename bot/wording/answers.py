"""What is said to commands that are not obeyed, or could not be."""

from collections.abc import Sequence

from bot.wording.markdown import code, link, listing

MOST_NAMED = 5


def not_yet(verb: str) -> str:
    """A command that steers, on a merge request that is open still."""
    return (
        f"{verb} steers a rollout, and nothing of this rolls out before it is merged: give it "
        f"then; until then help, plan, status, why, diff and explain are answered here"
    )


def who_can(role: str, repo: str, have: str, users: Sequence[str], teams: Sequence[str]) -> str:
    """A role is missing: which, where, and who is known to have it."""
    others = [f"a member of {team} with that role" for team in teams[:MOST_NAMED]]
    known = [*users[:MOST_NAMED], *others, "somebody else with that role"]
    can = " or ".join([", ".join(known[:-1]), known[-1]]) if known[:-1] else "somebody with it"
    return f"needs the role {role} in {repo}, and you have {have}: {can} can give it"


def full() -> str:
    """The record has no room."""
    return (
        "this merge request has had as many commands as its record can hold: use the label "
        "switchyard/hold and the forge's approvals, or merge a new revision"
    )


def failed(text: str, reference: str) -> str:
    """It went wrong; whoever runs the service finds more under the reference."""
    why = f": {code(text, 300)}" if text else "."
    return (
        f"Failed, and not tried again{why} Give the command anew to try once more; the service's "
        f"log has more under {code(reference)}."
    )


def over(state: str, now: tuple[str, str] | None) -> str:
    """Any command on a merge request that is closed, or whose rollout another has replaced.

    `now` is the name and address of where the application's rollout is steered, if anywhere.
    """
    what = {
        "merged": "a newer revision is the one that rolls out",
        "wave": "this wave is merged already",
        "closed": "this merge request is closed, and nothing of it rolls out",
    }[state]
    where = "Nothing is steered by comments now: the newest revision came by no merge request"
    if now is not None:
        where = f"Commands are read on {link(listing([now[0]]), now[1])}"
    return f"Refused: {what}. {where}."
