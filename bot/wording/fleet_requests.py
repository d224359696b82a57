"""What people read on a merge request on the fleet repo: its status, and the comment on plans."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bot.wording.conditions import conditions
from bot.wording.headline import Sign
from bot.wording.markdown import code, columns, listed, plural, sentence, units
from bot.wording.prose import Prose, names, phrases, say
from planners.gating.conditions import Conditions
from planners.model import PlanProblem, listing
from planners.plan_differences import Move, Outcome, PlanDifference

MOST_ROWS = 50
MOST_PROBLEMS = 20
MOST_NAMES = 10
SHORT = 12
SEPARATOR = " \u00b7 "

DONE_TO = {
    Outcome.BROKEN: "breaks the plan of",
    Outcome.MOVED: "moves",
    Outcome.ADDED: "adds",
    Outcome.UNREAD: "registers new repositories for",
    Outcome.UNREGISTERED: "gives up",
    Outcome.RENDERED: "re-renders",
    Outcome.REORDERED: "changes order or conditions of",
    Outcome.MENDED: "makes a plan possible for",
}
"""What a merge request does to applications whose plans differ, the most important first."""


@dataclass(frozen=True, slots=True)
class FleetComparison:
    """What a change of the fleet does to the plans of the `registered` applications.

    `base` and `head` are the commits of the default branch and of the merge request. Nothing is
    known of the plans of `unplanned` ones.
    """

    base: str
    head: str
    registered: int
    differences: tuple[PlanDifference, ...] = ()
    unplanned: tuple[str, ...] = ()

    def of(self, *outcomes: Outcome) -> list[PlanDifference]:
        """The differences with one of these outcomes."""
        return [each for each in self.differences if each.outcome in outcomes]


def fleet_line(
    problems: Sequence[str],
    warnings: Sequence[str],
    length: int,
    compared: FleetComparison | None = None,
) -> str:
    """The status: the first mistake or warning and how many there are, and what plans change."""
    if problems:
        line = _counted(problems, "mistake")
    else:
        found = [
            *([answer(compared)] if compared is not None else []),
            *([_counted(warnings, "warning")] if warnings else []),
        ]
        line = "; ".join(["no mistakes", *found]) if found else NO_MISTAKES
    return line if len(line) <= length else f"{line[: length - 1]}\u2026"


NO_MISTAKES = "no mistakes in the documents of the fleet"


def _counted(found: Sequence[str], word: str) -> str:
    more = "" if len(found) == 1 else f"{plural(len(found), word)}, switchyard check lists them: "
    return f"{more}{found[0]}"


def answer(compared: FleetComparison) -> str:
    """What the merge does to plans: `moves 3 of 12 applications; nothing else changes`."""
    counts = Counter(each.outcome for each in compared.differences)
    every = plural(compared.registered, "application")
    done = [f"{words} {counts[which]}" for which, words in DONE_TO.items() if counts[which]]
    left = f"{len(compared.unplanned):,} not planned" if compared.unplanned else ""
    if not done:
        return f"no change found; {left} of {every}" if left else f"changes no plan of {every}"
    first, *others = done
    return ", ".join([f"{first} of {every}", *others]) + f"; {left or 'nothing else changes'}"


def fleet_comment(marker: str, compared: FleetComparison, limit: int) -> str:
    """The comment: the answer, a row for each plan that differs, plans that break, what is missing.

    As many rows and problems as the forge allows; the rest is counted.
    """
    for most in (MOST_ROWS, 20, 5, 0):
        parts = [
            marker,
            f"{_sign(compared)} **Fleet**: {answer(compared)}.",
            _broken(compared, min(most, MOST_PROBLEMS)),
            _table(compared, most),
            _unplanned(compared),
            _foot(compared),
        ]
        text = "\n\n".join(part for part in parts if part)
        if units(text) <= limit:
            break
    return text


def _sign(compared: FleetComparison) -> Sign:
    if compared.of(Outcome.BROKEN):
        return Sign.STOPPED
    return Sign.PLAN if compared.of(*DONE_TO) else Sign.NO_CHANGE


def _broken(compared: FleetComparison, most: int) -> str:
    """The applications that have a plan now, and none after the merge."""
    found = compared.of(Outcome.BROKEN)
    if not found:
        return ""
    lines = [f"- {code(each.application)}: {_problem(each.problems)}" for each in found[:most]]
    if len(found) > len(lines):
        lines.append(f"- and {len(found) - len(lines)} more")
    head = (
        "**Plans that would break.** After the merge nothing of these applications is rolled out "
        "until somebody corrects it; what runs stays as it is."
    )
    return "\n".join([head, "", *lines])


def _problem(found: Sequence[PlanProblem]) -> str:
    more = f" (and {plural(len(found) - 1, 'more problem')})" if len(found) > 1 else ""
    return sentence(str(found[0]), 300) + more


def _table(compared: FleetComparison, most: int) -> str:
    """One row for each plan that differs and does not break."""
    order = [each for each in DONE_TO if each != Outcome.BROKEN]
    found = [each for outcome in order for each in compared.of(outcome)]
    rows = [
        [
            code(each.application),
            _told(each).markdown(),
            str(each.waves or ""),
            code(each.digest[:SHORT]) if each.digest else "",
        ]
        for each in found[:most]
    ]
    if not rows:
        return ""
    more = f"\n\nAnd {len(found) - most} more." if len(found) > most else ""
    return columns(["application", "what changes", "merge requests", "plan"], rows) + more


def _told(each: PlanDifference) -> Prose:
    """What differs, in a cell of a table."""
    if each.outcome is Outcome.UNREGISTERED:
        return say("registered no longer: what runs stays, and nothing updates or removes it")
    if each.outcome is Outcome.UNREAD:
        return say("registered with repositories that are read after the merge")
    if each.outcome in {Outcome.ADDED, Outcome.MENDED}:
        how = "new" if each.outcome is Outcome.ADDED else "has a plan again"
        return say(f"{how}: on {plural(each.clusters, 'cluster')}")
    found = [_moved(move) for move in each.moves]
    if each.moves and not each.clusters:
        found.append(say("nothing of it runs any more"))
    if each.rendered:
        count = plural(len(each.rendered), "cluster")
        found.append(say(f"files differ on {count}: {{}}", names(each.rendered)))
    if each.reordered and not each.moves:
        found.append(say("clusters change their stage or wave"))
    if each.conditions is not None:
        found.append(_terms(*each.conditions))
    return phrases(found, 4, "; ")


def _moved(move: Move) -> Prose:
    sides = [
        say(f"{verb} {{}}", names(clusters))
        for verb, clusters in (("joins", move.joined), ("leaves", move.left))
        if clusters
    ]
    return say("{}: {}", names(move.components), phrases(sides, separator=" and "))


def _terms(before: Conditions, after: Conditions) -> Prose:
    """The conditions that fall away and those that are new."""
    old, new = conditions(before), conditions(after)
    lines = [
        *(say("condition dropped: {}", each) for each in old if each not in new),
        *(say("new condition: {}", each) for each in new if each not in old),
    ]
    return phrases(lines, 2, "; ") if lines else say("conditions of merging differ")


def _unplanned(compared: FleetComparison) -> str:
    """Which plans are not known, and how to see one."""
    found = compared.unplanned
    if not found:
        return ""
    shown = listing([code(each) for each in found], MOST_NAMES)
    command = "switchyard plan --application NAME --app APP --fleet FLEET --deploy DEPLOY"
    head, base = (code(each[:SHORT]) for each in (compared.head, compared.base))
    return (
        f"**Not planned**: {shown}. Applications of higher priority are planned first, a "
        f"limited number and for a limited time; what needs a repository or chart that is away "
        f"is left out. The plan of one: {code(command)}, with FLEET a checkout of {head}, and once "
        f"more of {base}; equal digests are equal plans."
    )


def _foot(compared: FleetComparison) -> str:
    """From which commits, and what is left out."""
    failing = compared.of(Outcome.FAILING)
    parts = [
        f"{code(compared.head[:SHORT])} merged into {code(compared.base[:SHORT])}",
        *([f"{len(failing):,} without a plan before and after"] if failing else []),
        "compared with what is merged in app and deploy repos now",
    ]
    return f"<sub>{SEPARATOR.join(parts)}</sub>"


def fleet_mistakes(marker: str, problems: Sequence[str], limit: int, where: str = "") -> str:
    """The comment while documents have mistakes, here or elsewhere: no plan is compared."""
    count = plural(len(problems), "mistake")
    head = (
        f"{marker}\n\n{Sign.STOPPED} **Fleet**: no plans are compared: {count} in the "
        f"documents{where}. Next: someone corrects {'it' if len(problems) == 1 else 'them'}."
    )
    return listed(head, problems, limit, most=MOST_PROBLEMS, length=300)


def fleet_conflicts(marker: str, paths: Sequence[str], limit: int) -> str:
    """The comment while the default branch changed the same files."""
    head = (
        f"{marker}\n\n{Sign.STOPPED} **Fleet**: no plans are compared: "
        f"{plural(len(paths), 'file')} changed on the default branch too. Next: someone brings "
        f"this branch up to date."
    )
    return listed(head, paths, limit, most=MOST_PROBLEMS, length=300)


def fleet_not_requested(marker: str, head: str, requester: str) -> str:
    """The comment on a merge request from a fork: plans are compared for whoever may write."""
    why = "This merge request comes from a fork: plans are compared on request."
    if requester:
        why = (
            f"This merge request comes from a fork, and its head is not the commit that "
            f"{code(requester)} named."
        )
    return (
        f"{marker}\n\n{Sign.PERSON} **Fleet**: no plans are compared yet. {why}\n\n"
        f"Its head is {code(head)}. To request it, review it and comment "
        f"{code('/switchyard plan COMMIT')} with the full id of the commit that you reviewed. "
        f"Requires role {code('write')} on this repository."
    )


SUPERSEDED = "What this merge request changes is in an earlier comment on it."
