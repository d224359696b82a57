"""Builders of Snapshots for tests of the core, and a world in which effects come true at once."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.engine.plans import draft_key
from bot.engine.propose import Proposal, conclude, draft, restoration
from bot.engine.results import Results
from planners.gating.effects import CloseMergeRequest, Merge, OpenMergeRequest, PushBranch
from planners.gating.effects import UpdateMergeRequest as Update
from planners.inputs import planning_input
from planners.model import (
    Application,
    Cluster,
    Component,
    ComponentSource,
    Dependency,
    PlacementIntent,
    Policy,
    Readiness,
    Registration,
    Repo,
    Revision,
    Stage,
    Tenant,
    Unit,
)
from planners.model.fleet_files import FleetFiles
from planners.model.selectors import Selector
from planners.model.snapshot import (
    Approval,
    Branch,
    Change,
    DeployBase,
    MergeRequest,
    MergeRequestState,
    Observation,
    Snapshot,
)
from renderers.layout import kept_file

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
APP = Repo("local", "shop/storefront")
DEPLOY = Repo("local", "fleet/deploy")
FLEET = Repo("local", "fleet/fleet")
EVERYTHING = Selector()


def deployment(name: str, image: str = "registry.example.com/app:1.0.0") -> bytes:
    return (
        f"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n"
        f"spec:\n  replicas: 2\n  selector:\n    matchLabels:\n      app: {name}\n"
        f"  template:\n    metadata:\n      labels:\n        app: {name}\n"
        f"    spec:\n      containers:\n        - name: main\n          image: {image}\n"
    ).encode()


def clusters(count: int = 3) -> tuple[Cluster, ...]:
    return tuple(
        Cluster(
            f"c{number}",
            "flux",
            {
                "canary": "true" if number == 1 else "false",
                "size": "small" if number % 2 else "big",
            },
        )
        for number in range(1, count + 1)
    )


def component(name: str, *needs: str | Dependency) -> Component:
    edges = tuple(Dependency(need) if isinstance(need, str) else need for need in needs)
    return Component(name, ComponentSource("manifests", f"deploy/{name}"), edges)


def application(*parts: Component, stages: tuple[Stage, ...] = ()) -> Application:
    parts = parts or (component("redis"), component("cart", "redis"), component("web", "cart"))
    intent = PlacementIntent(tuple(part.name for part in parts), all_of=(EVERYTHING,))
    return Application("storefront", "shop", parts, (intent,), stages=stages)


def snapshot(
    app: Application | None = None,
    fleet: tuple[Cluster, ...] = (),
    policies: tuple[Policy, ...] = (),
    images: Mapping[str, str] | None = None,
) -> Snapshot:
    app = app or application()
    images = images or {}
    return Snapshot(
        now=NOW,
        application=app,
        registration=Registration(app.name, app.tenant, APP, DEPLOY),
        tenant=Tenant(app.tenant, "shop"),
        clusters=fleet or clusters(),
        revision=Revision(APP, "a" * 40),
        fleet_revision=Revision(FLEET, "f" * 40),
        base=DeployBase(Revision(DEPLOY, "0" * 40)),
        policies=policies,
        sources={
            part.name: {"main.yaml": deployment(part.name, images.get(part.name, "app:1.0.0"))}
            for part in app.components
        },
    )


def warnings_of(proposal: Proposal) -> tuple[str, ...]:
    """The warnings of a plan, as people read them."""
    return tuple(map(str, proposal.warnings))


class World:
    """A fleet and a forge that do at once what effects say; `snapshot` is how they stand."""

    def __init__(self, start: Snapshot) -> None:
        self.snapshot = start
        self.merged: list[str] = []
        self.opened: list[str] = []
        self._commits = 0
        self._newest_draft = Results(1)

    def pass_once(self) -> Proposal:
        """One pass: propose and let every effect come true."""
        proposal = self._propose()
        assert not proposal.problems, proposal.problems
        for effect in proposal.evaluation.effects:
            self._do(effect)
        return proposal

    def _propose(self) -> Proposal:
        """What `propose` says; as in the service, a draft is kept until its input changes."""
        restored = restoration(self.snapshot)
        if restored is not None:
            return restored
        planned = planning_input(self.snapshot)
        key = draft_key(planned)
        drafted = self._newest_draft.get(key, lambda: draft(planned), lambda _: 1)
        return conclude(self.snapshot, drafted)

    def settle(self, most: int = 200) -> Proposal:
        """Passes until nothing changes any more."""
        for _ in range(most):
            before = self.snapshot
            proposal = self.pass_once()
            if self.snapshot == before:
                return proposal
        raise AssertionError("the world does not settle")

    def finish(self, most: int = 200) -> Proposal:
        """Passes, with every cluster reporting ready after each merge, until all is done."""
        for _ in range(most):
            proposal = self.settle()
            if proposal.evaluation.done:
                return proposal
            self.report_all()
        raise AssertionError([each.gates for each in proposal.evaluation.wave_statuses])

    def report(self, unit: Unit, readiness: Readiness, message: str = "", **how: bool) -> None:
        """A cluster says how a unit stands, about the newest revision unless `current=False`."""
        seen = Observation(
            readiness,
            message,
            self.snapshot.base.revision.sha,
            at=self.snapshot.now,
            since=self.snapshot.now,
            current=how.get("current", True),
        )
        self.snapshot = replace(
            self.snapshot, observations={**self.snapshot.observations, unit: seen}
        )

    def report_all(self) -> None:
        for unit in self.snapshot.base.entries:
            self.report(unit, Readiness.READY)

    def later(self, delta: timedelta) -> None:
        self.snapshot = replace(self.snapshot, now=self.snapshot.now + delta)

    def approve(self, number: int, user: str = "rita") -> None:
        self._change(
            number,
            approvals=lambda each: (Approval(f"local:{user}", user, f"{user}@x", each.head),),
        )

    def close(self, number: int, user: str) -> None:
        self._change(number, state=lambda _: MergeRequestState.CLOSED, closed_by=lambda _: user)

    def label(self, number: int, *labels: str) -> None:
        self._change(number, labels=lambda _: labels)

    def _change(self, number: int, **fields: object) -> None:
        self.snapshot = replace(
            self.snapshot,
            merge_requests=tuple(
                replace(each, **{name: make(each) for name, make in fields.items()})  # type: ignore[operator]
                if each.number == number
                else each
                for each in self.snapshot.merge_requests
            ),
        )

    def _do(self, effect: object) -> None:
        match effect:
            case PushBranch(branch=branch, change=change):
                head = change.digest[:40]
                fleet = self.snapshot.fleet_revision.sha
                self._branches = {
                    **getattr(self, "_branches", {}),
                    branch: Branch(head, change.digest, fleet),
                }
                for each in self.snapshot.merge_requests:
                    if each.branch_name == branch and each.state is MergeRequestState.OPEN:
                        new = self._branches[branch]
                        self._change(
                            each.number, branch=lambda _, b=new: b, head=lambda _, h=head: h
                        )
            case OpenMergeRequest(branch=branch, change=change):
                number = len(self.snapshot.merge_requests) + 1
                self.opened.append(change.wave.name)
                made = MergeRequest(
                    number=number,
                    wave=change.wave.name,
                    branch_name=branch,
                    state=MergeRequestState.OPEN,
                    url=f"http://forge/{number}",
                    head=self._branches[branch].head,
                    branch=self._branches[branch],
                    described_digest=change.digest,
                )
                requests = (*self.snapshot.merge_requests, made)
                self.snapshot = replace(self.snapshot, merge_requests=requests)
            case Update(number=number, change=change):
                self._change(number, described_digest=lambda _: change.digest)
            case CloseMergeRequest(number=number):
                self._change(number, state=lambda _: MergeRequestState.CLOSED)
            case Merge(number=number, head=head, change=change):
                self._merge(number, head, change)
            case _:
                pass

    def _merge(self, number: int, head: str, change: object) -> None:
        from planners.gating.change_sets import ChangeSet  # noqa: PLC0415 - keeps the match above readable

        assert isinstance(change, ChangeSet)
        request = next(each for each in self.snapshot.merge_requests if each.number == number)
        assert request.state is MergeRequestState.OPEN
        assert request.head == head
        self._change(number, state=lambda _: MergeRequestState.MERGED)
        self.merged.append(change.wave.name)
        self._commits += 1
        sha = f"{self._commits:040x}"
        entries = {unit: dict(files) for unit, files in self.snapshot.base.entries.items()}
        changes = dict(self.snapshot.base.changes)
        observations = dict(self.snapshot.observations)
        kept, updates = set(self.snapshot.base.kept_folders), bool(change.units & entries.keys())
        for file in change.files:
            if file.path == kept_file(file.unit.cluster):
                kept.add(file.unit.cluster)
                continue
            files = entries.setdefault(file.unit, {})
            assert files.get(file.path) == file.old
            if file.new is None:
                del files[file.path]
            else:
                files[file.path] = file.new
            changes[file.unit] = Change(
                sha,
                self.snapshot.now,
                "Switchyard",
                self.snapshot.revision.sha,
                updates=updates,
            )
            observations.pop(file.unit, None)
        entries = {unit: files for unit, files in entries.items() if files}
        base = DeployBase(
            Revision(DEPLOY, sha),
            FleetFiles.of(entries),
            {unit: change for unit, change in changes.items() if unit in entries},
            kept_folders=frozenset(kept),
        )
        self.snapshot = replace(self.snapshot, base=base, observations=observations)
