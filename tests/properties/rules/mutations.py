"""Known defects of rules, each made in a copy of the product, which random series must find.

`python -m tests.properties.rules.mutations` copies the source to a scratch folder, makes one
replacement at a time, and plays series; it prints the table, and fails for a defect that no series
finds, or only one that breaks a law without the defect too.
"""

import re
import sys
from dataclasses import dataclass

from tests.properties.rules.play import play
from tests.properties.rules.whole import play_whole
from tests.tools.mutants import Verdict, arguments, print_table, run_mutant

SERIES = 2000
FOUND = re.compile(r"(?m)^seed (\d+)( --whole)?: (.*)$")
MACHINE = "planners/rules/machine.py"
MEMORY = "planners/rules/memory.py"
DECIDE = "planners/rules/decide.py"
FAILOVER = "planners/rules/failover.py"
SIGNALS = "planners/model/signals.py"
CHANGES = "planners/gating/rule_changes.py"


@dataclass(frozen=True, slots=True)
class Mutation:
    """A defect: `old` stands once in a file, and becomes `new`; `whole`: of the whole core."""

    name: str
    path: str
    old: str
    new: str
    whole: bool = False
    series: int = SERIES


MUTATIONS = (
    Mutation(
        "drop hysteresis",
        MACHINE,
        "    now = moment.now\n    state = replace(state, moves",
        "    now = moment.now\n    rule = replace(rule, below=rule.above)\n"
        "    state = replace(state, moves",
    ),
    Mutation(
        "drop `for`",
        MACHINE,
        "if lasted < rule.hold:",
        "if lasted < 0 * rule.hold:",
    ),
    Mutation(
        "ignore the cooldown",
        MACHINE,
        "distance = rule.pace if paced else rule.cooldown",
        "distance = rule.pace if paced else 0 * rule.cooldown",
    ),
    Mutation(
        "ignore the pace",
        MACHINE,
        "distance = rule.pace if paced else rule.cooldown",
        "distance = 0 * rule.pace if paced else rule.cooldown",
    ),
    Mutation(
        "take no data for 0",
        SIGNALS,
        "found.setdefault(each.at, Sample.of(each.value, each.at))",
        "found.setdefault(each.at, Sample.of(each.value or 0.0, each.at))",
    ),
    Mutation(
        "take what is not a number for a value",
        SIGNALS,
        "value if value is not None and math.isfinite(value) else None, at)",
        "99.0 if value is not None and not math.isfinite(value) else value, at)",
    ),
    Mutation(
        "look past what has no value",
        MACHINE,
        "if each.value is None or not holds(each.value) or later - each.at > rule.max_age:",
        "if each.value is None:\n            continue\n"
        "        if not holds(each.value) or later - each.at > rule.max_age:",
    ),
    Mutation(
        "ignore the age of samples",
        SIGNALS,
        "known[-1].value is None or now - known[-1].at > max_age:",
        "known[-1].value is None:",
    ),
    Mutation(
        "ignore gaps between samples",
        MACHINE,
        "not holds(each.value) or later - each.at > rule.max_age:",
        "not holds(each.value):",
    ),
    Mutation(
        "accept samples of the future",
        SIGNALS,
        "            if each.at <= now + LARGEST_SKEW:",
        "            if each.at <= now + 90 * LARGEST_SKEW:",
    ),
    Mutation(
        "let the last of two samples of a time count",
        SIGNALS,
        "found.setdefault(each.at, Sample.of(each.value, each.at))",
        "found[each.at] = Sample.of(each.value, each.at)",
    ),
    Mutation(
        "take a step while the last one is open",
        MACHINE,
        "if further and not moment.settled:",
        "if further and moment.settled is None:",
    ),
    Mutation(
        "take more steps than most",
        MACHINE,
        "if taken >= rule.steps:",
        "if taken > rule.steps:",
    ),
    Mutation(
        "take all steps at once",
        MACHINE,
        "steps=(*state.steps, evidence),",
        "steps=(*state.steps, *(evidence for _ in range(rule.steps - taken))),",
    ),
    Mutation(
        "begin a new epoch with each step",
        MACHINE,
        "epoch=state.epoch if taken else int(now.timestamp()),",
        "epoch=int(now.timestamp()),",
    ),
    Mutation(
        "begin a new epoch in each pass",
        MACHINE,
        "return replace(state, phase=Phase.ACTIVE, timer=None, why=",
        "return replace(state, phase=Phase.ACTIVE, timer=None, epoch=int(now.timestamp()), why=",
    ),
    Mutation(
        "give nothing back",
        MACHINE,
        "steps=state.steps[:-1],",
        "steps=state.steps,",
    ),
    Mutation(
        "begin without a cooldown where nothing is known",
        MACHINE,
        "return RuleState(Phase.IDLE, now)",
        "return RuleState(Phase.IDLE, now - 24 * HOUR)",
    ),
    Mutation(
        "go on at the pace after memory was lost",
        MEMORY,
        "moves=moves, recalled=True)",
        "moves=moves, recalled=False)",
        series=6000,
    ),
    Mutation(
        "ignore the records of merged decisions",
        MEMORY,
        "restored(records, now) if records else",
        "restored(records, now) if records is self else",
    ),
    Mutation(
        "recall the steps that are recorded, and none before them",
        MEMORY,
        "numbers = range(1, max(steps) + 1)",
        "numbers = sorted(steps)",
    ),
    Mutation(
        "recall steps that an open change gives back",
        MEMORY,
        "found[key] = min(steps, found.get(key, steps))",
        "found[key] = max(99, found.get(key, steps))",
    ),
    Mutation(
        "drop what is decided",
        DECIDE,
        "steps = state.steps[: rule.steps] if rule is not None else ()",
        "steps = state.steps[rule.steps :] if rule is not None else ()",
    ),
    Mutation(
        "drop the quorum",
        FAILOVER,
        "if heard * WHOLE < rule.quorum * len(self.heard):",
        "if heard * WHOLE < 0:",
    ),
    Mutation(
        "drop the largest share",
        FAILOVER,
        "if failing * WHOLE > rule.max_share * len(known):",
        "if failing > len(known):",
    ),
    Mutation(
        "fail over from clusters that never reported",
        FAILOVER,
        "if each.name in last\n        }",
        "if last.setdefault(each.name, snapshot.now - 9 * snapshot.max_report_age(each.name))\n"
        "        }",
    ),
    Mutation(
        "fail over at once",
        FAILOVER,
        "hold=rule.after, cooldown",
        "hold=0 * rule.after, cooldown",
    ),
    Mutation(
        "count what lasted while the service was blind",
        FAILOVER,
        "kept = replace(state, timer=None, why",
        "kept = replace(state, why",
    ),
    Mutation(
        "count what lasted while the service was away",
        FAILOVER,
        "max(timer or self.snapshot.now, self.snapshot.listening_since)",
        "timer or self.snapshot.now",
    ),
    Mutation(
        "let all clusters come back at once",
        FAILOVER,
        "now < returned + rule.pace and bool(state.steps)",
        "now < returned and bool(state.steps)",
    ),
    Mutation(
        "need no person",
        CHANGES,
        'return "no policy makes it automatic"',
        'return ""',
    ),
    Mutation(
        "ignore for which clusters a rule is automatic",
        CHANGES,
        "if names - covered:",
        "if covered - covered:",
    ),
    Mutation(
        "ignore how often a rule is automatic",
        CHANGES,
        "if moves > permitted.per_hour:",
        "if moves < 0:",
    ),
    Mutation(
        "count a merge request that was closed as none",
        "planners/gating/merge_requests.py",
        "return newest if newest is not None and newest.closed_by is not None else None",
        "return newest if newest is not None and newest.closed_by is newest else None",
        whole=True,
    ),
    Mutation(
        "exceed the quota of a tenant",
        "renderers/policy/quotas.py",
        "if (used := usage[place].get(name, 0)) > most",
        "if (used := usage[place].get(name, 0)) > 9 * most",
        whole=True,
    ),
    Mutation(
        "take clusters that others have filled",
        "planners/placement/supply.py",
        "            elif precedence.has(claim):",
        "            elif precedence.has(claim) and claim.merged_at is None:",
        whole=True,
        series=100,
    ),
)


def main() -> int:
    """Try the mutations; 1 where one is not found."""
    options = arguments("python -m tests.properties.rules.mutations").parse_args()
    return print_table(MUTATIONS, options.only, "broken law", judge)


def judge(mutation: Mutation) -> Verdict:
    """Whether a law is broken in a copy that has the defect, and holds without it."""
    found = FOUND.search(attempt(mutation))
    if not found:
        return Verdict()
    seed = f"{found[1]}{found[2] or ''}"
    if (play_whole if found[2] else play)(int(found[1])).violation:
        return Verdict(seed, "**broken without the defect too**")
    return Verdict(seed, found[3], found=True)


def attempt(mutation: Mutation) -> str:
    """What the series print in a copy that has the defect, until a law is broken."""
    told = ["--until-broken", "--jobs", "1", "--series", str(mutation.series)]
    told += ["--whole"] if mutation.whole else []
    done = run_mutant(mutation, "tests/properties/rules", (), told)
    if not done.stdout:
        raise RuntimeError(done.stderr)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
