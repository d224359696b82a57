"""Known defects, each made in a copy of the product, which the simulation must find.

`python -m tests.simulation.mutations` copies the source to a scratch folder, makes one replacement
at a time, and runs worlds until a law is broken; it prints the table, and fails for a defect that
no world finds, or only a world that breaks a law without the defect too.
"""

import re
import sys
from dataclasses import dataclass
from functools import partial

from tests.simulation.profiles import PROFILES
from tests.simulation.world import simulate
from tests.tools.mutants import Verdict, arguments, print_table, run_mutant

WORLDS = 15
FOUND = re.compile(r"(?m)^seed (\d+): (.*)$")


@dataclass(frozen=True, slots=True)
class Mutation:
    """A defect: `old` stands once in a file, and becomes `new`.

    Worlds of the profile are tried, from the seed on.
    """

    name: str
    path: str
    old: str
    new: str
    profile: str = "everything"
    seed: int = 1


MUTATIONS = (
    Mutation(
        "claim a key in spite of its lease",
        "bot/store/queue.py",
        "claimable_at <= database.time",
        "sa.func.coalesce(queue.c.due, queue.c.lease_until) <= database.time",
        seed=4,
    ),
    Mutation(
        "trust the payload of a webhook",
        "bot/forges/local/webhooks.py",
        "if not any(matches):",
        "if not matches:",
    ),
    Mutation(
        "trust the sender of a report",
        "bot/web/intake.py",
        "if not is_authentic:",
        "if is_authentic is None:",
        seed=2,
    ),
    Mutation(
        "acknowledge webhooks without storing them",
        "bot/store/inbox.py",
        "if new:",
        "if len(new) > 1:",
    ),
    Mutation(
        "ignore ancestry",
        "bot/gather/observe.py",
        "bool(row.revision) and mirror.contains(row.revision, change.sha)",
        "bool(row.revision)",
        "a second version on slow clusters",
        seed=3,
    ),
    Mutation(
        "merge without approval",
        "planners/gating/approvals.py",
        "if len(given) < rule.count:",
        "if len(given) < 0:",
    ),
    Mutation(
        "count approvals of other content",
        "planners/gating/approvals.py",
        "approval.head != request.head:",
        "approval.head == '':",
        seed=5,
    ),
    Mutation(
        "count approvals without the role",
        "planners/gating/approvals.py",
        "elif approval.role < rule.role:",
        "elif approval.role < approval.role:",
        "approvals that do not count",
    ),
    Mutation(
        "count approvals by authors",
        "planners/gating/approvals.py",
        "elif approval.account in snapshot.authors and not",
        "elif approval.account in () and not",
        "approvals that do not count",
    ),
    Mutation(
        "ignore the age of reports",
        "planners/gating/readiness.py",
        "if snapshot.now >= stale_at(snapshot, unit, observation):",
        "if snapshot.now < observation.at:",
        "a cluster that falls silent",
    ),
    Mutation(
        "take progress for readiness",
        "planners/gating/readiness.py",
        "return PendingUnit(unit, NotReadyReason.PROGRESS, observation.message)",
        "return None",
    ),
    Mutation(
        "take failure for readiness",
        "planners/gating/readiness.py",
        "return PendingUnit(unit, NotReadyReason.REPAIR, observation.message)",
        "return None",
        "components that fail",
    ),
    Mutation(
        "take silence for readiness",
        "planners/gating/readiness.py",
        "return PendingUnit(unit, NotReadyReason.REPORT, snapshot.cluster_failure(unit.cluster))",
        "return None",
    ),
    Mutation(
        "ignore dependencies",
        "planners/gating/dependencies.py",
        "if reached < needed:",
        "if reached < 0:",
    ),
    Mutation(
        "ignore stages",
        "planners/gating/dependencies.py",
        "steps = map(context.step, range(change.wave.step))",
        "steps = map(context.step, range(0))",
    ),
    Mutation(
        "ignore holds by label",
        "planners/gating/dependencies.py",
        "if request is not None and HOLD_LABEL in request.labels:",
        "if request is None and HOLD_LABEL:",
        "waves that are held",
    ),
    Mutation(
        "merge commits of others",
        "bot/gather/requests.py",
        "foreign_author=None if ours else info.author_name,",
        "foreign_author=None,",
        "commits of others",
        seed=4,
    ),
    Mutation(
        "never sweep",
        "bot/worker/sweep.py",
        "await wake(context, keys, release=True)",
        "await wake(context, (), release=True)",
        "webhooks that never come",
    ),
    Mutation(
        "reply again to what was answered",
        "bot/effects/perform.py",
        "context.markers.read(REPLY, repo, each.body) == marker:",
        "context.markers.read(REPLY, repo, each.body) is marker:",
        "many commands",
        seed=311,
    ),
    Mutation(
        "open a merge request beside the bot's own",
        "bot/gather/requests.py",
        "elif each.state == MergeRequestState.OPEN:\n            requests.append",
        "elif each.state == '':\n            requests.append",
        "people keep away",
    ),
    Mutation(
        "sell what others have claimed since",
        "bot/worker/admission.py",
        "if not numbers:",
        "if numbers is not None:",
        "two applications want one CPU",
    ),
    Mutation(
        "sell what others have merged",
        "bot/gather/ledger.py",
        "ledger.claims += claims",
        "ledger.claims += ()",
        "two applications want one CPU",
    ),
    Mutation(
        "make nothing due after the database was lost",
        "bot/app.py",
        "if was_out:",
        "if was_out is None:",
        "a database that is lost",
    ),
    Mutation(
        "write a plan comment for each plan",
        "bot/report/own_comment.py",
        "if ours is None:",
        "if ours is None or ours.comment.body != text:",
        "people keep away",
    ),
)


def main() -> int:
    """Try the mutations; 1 where one is not found."""
    parser = arguments("python -m tests.simulation.mutations")
    parser.add_argument("--worlds", type=int, default=WORLDS, help="worlds for each at most")
    options = parser.parse_args()
    return print_table(MUTATIONS, options.only, "broken law", partial(judge, worlds=options.worlds))


def judge(mutation: Mutation, worlds: int) -> Verdict:
    """Whether a law is broken in a copy that has the defect, and holds without it."""
    found = FOUND.search(attempt(mutation, worlds))
    if not found:
        return Verdict()
    if simulate(int(found[1]), profile=PROFILES[mutation.profile]).violation:
        return Verdict(found[1], "**broken without the defect too**")
    return Verdict(found[1], found[2], found=True)


def attempt(mutation: Mutation, worlds: int) -> str:
    """What the simulation prints in a copy that has the defect, until a law is broken."""
    told = ["--until-broken", "--jobs", "1", "--worlds", str(worlds)]
    told += ["--profile", mutation.profile, "--first", str(mutation.seed)]
    done = run_mutant(mutation, "tests/simulation", (), told)
    if not done.stdout:
        raise RuntimeError(done.stderr)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
