"""`switchyard demo play`: performs one ready-made change against the running demonstration."""

from collections.abc import Mapping
from pathlib import Path

from bot.engine.discovery import discover
from bot.sandbox.demo import kept
from bot.sandbox.demo.changes import Change, Look, Outcome, Place, Proposal, Scene
from bot.sandbox.demo.people import Person
from bot.sandbox.demo.site import APP, FLEET


def changes() -> Mapping[str, Change]:
    """All ready-made changes, by name."""
    return discover("bot.sandbox.demo.changes", "CHANGE")


def perform(change: Change, folder: Path, demo: kept.Kept) -> str:
    """Perform a change; returns what was done, and what to look at next.

    Raises:
        NotNowError: it would change nothing.
        PersonError: the forge or Git refuses it, or the demonstration does not run.
    """
    otto = Person("otto", demo.tokens["otto"], demo.forge_url)
    failing = kept.failing(folder)
    outcome = change.outcome(Scene(otto.files(APP), otto.files(FLEET), failing))
    request = _propose(demo, outcome.proposal) if outcome.proposal else ""
    if outcome.failing is not None:
        kept.save_failing(folder, outcome.failing)
    return told(outcome, {
        Place.FORGE: demo.forge_url, Place.SERVICE: demo.service_url, Place.REQUEST: request
    })  # fmt: skip


def told(outcome: Outcome, places: Mapping[Place, str]) -> str:
    """What was done, and each page to look at."""
    return "\n".join([outcome.says, "Look at:", *(_line(each, places) for each in outcome.looks)])


def _line(look: Look, places: Mapping[Place, str]) -> str:
    return f"  {places[look.place]}{look.path}\n      {look.shows}"


def _propose(demo: kept.Kept, proposal: Proposal) -> str:
    """Open the merge request unless it is open; returns its URL."""
    author = Person(proposal.author, demo.tokens[proposal.author], demo.forge_url)
    repository, branch = proposal.repository, proposal.branch
    earlier = [
        each
        for each in author.requests(repository, "all")
        if each["source_branch"].startswith(branch)
    ]
    number = next((int(each["number"]) for each in earlier if each["state"] == "open"), 0)
    if not number:
        branch += f"-{len(earlier) + 1}" if earlier else ""
        author.push(repository, branch, proposal.files, proposal.title)
        number = author.open(repository, branch, proposal.title, proposal.body)
    return f"{demo.forge_url}/{repository}/merge_requests/{number}"
