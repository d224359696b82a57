"""Known defects, each made in a copy of the product, which the simulation must find.

`python -m tests.simulation.mutations` copies the source to a scratch folder, makes one replacement
at a time, and runs worlds until a law is broken; it prints the table, and fails for a defect that
no world finds, or only a world that breaks a law without the defect too.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.profiles import PROFILES
from tests.simulation.world import simulate

ROOT = Path(__file__).parents[2]
COPIED = ("bot", "planners", "plugins", "renderers", "tests/fakes", "tests/simulation")
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
        "for number in range(change.wave.step):",
        "for number in range(0):",
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
        "bot/worker/dispatch.py",
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
        "bot/report/plan_comment.py",
        "if ours is None:",
        "if ours is None or ours.comment.body != text:",
        "people keep away",
    ),
)


def main() -> int:
    """Try the mutations; 1 where one is not found."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutations")
    parser.add_argument("--only", nargs="*", default=[], help="words of the names to try")
    parser.add_argument("--worlds", type=int, default=WORLDS, help="worlds for each at most")
    options = parser.parse_args()
    missed = 0
    print("| defect | found in seed | broken law | seconds |\n|---|---|---|---|")
    for each in MUTATIONS:
        if options.only and not any(word in each.name for word in options.only):
            continue
        began = time.perf_counter()
        found = FOUND.search(attempt(each, options.worlds))
        seed, law = (found[1], found[2]) if found else ("none", "**not found**")
        if found and simulate(int(seed), profile=PROFILES[each.profile]).violation:
            found, law = None, "**broken without the defect too**"
        missed += found is None
        took = time.perf_counter() - began
        print(f"| {each.name} | {seed} | {law[:110]} | {took:.0f} |", flush=True)
    return int(missed > 0)


def attempt(mutation: Mutation, worlds: int) -> str:
    """What the simulation prints in a copy that has the defect, until a law is broken."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name in COPIED:
            ignored = shutil.ignore_patterns("__pycache__", "test_*")
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        (folder / "tests" / "__init__.py").touch()
        apply(mutation, folder)
        command = [sys.executable, "-m", "tests.simulation", "--until-broken", "--jobs", "1"]
        command += ["--worlds", str(worlds), "--profile", mutation.profile]
        command += ["--first", str(mutation.seed)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if not done.stdout:
            raise RuntimeError(done.stderr)
        return done.stdout


def apply(mutation: Mutation, folder: Path) -> None:
    """Make the replacement below a folder. Raises ValueError where the text is not there once."""
    file = folder / mutation.path
    text = file.read_text()
    if text.count(mutation.old) != 1:
        raise ValueError(f"{mutation.path} does not have this once: {mutation.old}")
    file.write_text(text.replace(mutation.old, mutation.new))


if __name__ == "__main__":
    sys.exit(main())
