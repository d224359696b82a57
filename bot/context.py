"""What every pass needs of the outside, as one value: made once by `app`, passed to everything."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias
from urllib.parse import urlsplit

from bot.azure import Azure
from bot.charts import Charts
from bot.clock import Clock
from bot.clusters import Clusters
from bot.engine.propose import Proposal
from bot.engine.results import Results
from bot.engine.usage import FileUsage
from bot.forges import (
    Answers,
    Contributors,
    Fence,
    Forge,
    ForgeError,
    ForgeMergeRequest,
    Markers,
    Pause,
    RepositoryInfo,
    Unfenced,
    fenced,
    patient,
)
from bot.git import Access, DeployKey, Mirrors
from bot.metrics import Metrics
from bot.outbound import Outbound
from bot.outbound.client import OutboundClient
from bot.settings import is_loopback
from bot.store import Store
from bot.tracing import Traces
from planners.model import Fleet, ObjectIdentity, Repo, Tenant
from planners.model.snapshot import OwnedObjects, ResourceClaim, Snapshot

LOCAL = "local"
"""The forge on this machine, on which links to a loopback address lead somewhere."""
MOST_RESULTS = 512 * 1024 * 1024
"""Bytes of intermediate results that a process keeps."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The forge refused to merge a merge request: in this state, for the `times`th time.

    `head` and `mergeable` are what the forge said of it then; `until` is the next attempt.
    """

    head: str
    mergeable: str
    reason: str
    times: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Paced:
    """A text was written; while it stays of this `kind`, it is not written again before `until`."""

    kind: str
    until: datetime


@dataclass(frozen=True, slots=True)
class KnownContributors:
    """Who has a hand in some commits, as their forge told at that time."""

    found: Contributors
    at: datetime


@dataclass(frozen=True, slots=True)
class KnownRepository:
    """A repository as it was fetched, with our merge requests; `hint` was newest before that."""

    hint: str
    info: RepositoryInfo
    head: str
    requests: tuple[ForgeMergeRequest, ...]


@dataclass(frozen=True, slots=True)
class KnownHoldings:
    """What a deploy repo, as it is `known`, holds of what the fleet registers there.

    The quota of `tenant` counts, if there is one.
    """

    known: KnownRepository
    fleet: Fleet
    tenant: Tenant | None
    claims: tuple[ResourceClaim, ...]
    owned: tuple[OwnedObjects, ...]


@dataclass(frozen=True, slots=True)
class KnownIdle:
    """An application that had nothing to do: what the forge answered about its repositories.

    `hints` were newest before that, by the name of the repository.
    """

    repos: frozenset[Repo]
    hints: Mapping[str, str]
    answers: Answers
    at: datetime


HoldingsKey: TypeAlias = tuple[Repo, str, frozenset[str]]
"""A deploy repo, the tenant whose quota counts, the clusters whose times of merging are read."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Something failed for the `times`th time; `until` is the next attempt."""

    times: int
    until: datetime


CommitsKey: TypeAlias = tuple[Repo, str, frozenset[str]]
"""Commits of a repository: the newest one, and all of them."""


@dataclass(frozen=True, slots=True)
class Context:
    """Everything outside of the core, each behind its one interface.

    `propose` runs the core, in a process of its own in the service. `pause` waits before a forge is
    read again; without it each read is tried once. Every write to a forge, a repository or a
    cluster goes through `fence`, which prevents it once another worker has the claim of this pass.
    `answers` records what forges say in this pass, or is asked in their place. `gate_keys` are the
    secrets shared with servers that gates ask, by host, `notify_secrets` and `notify_keys` those of
    channels that tell people, by name. `metrics` counts what happens. The mutable
    fields are of this process alone and hold no truth. Losing them costs one harmless repetition:
    `pacing` when a text may change again, `refusals` when a merge that the forge refused is tried
    again, `refused_branches` why it refused a push, `first_texts` what a comment said when it was
    first read, `contributors` who has a hand in commits, `repositories` the deploy repos of others
    as they were fetched, `empty_repositories` those without a commit, with the newest hint before,
    `fetching` makes passes wait that would fetch one of them at the same time,
    `holdings` what is in them, `idle` the applications that have nothing to do, `source_branches`
    the branch of each merge request, `results` what was read of documents and trees,
    `usage_by_blob` what each blob requests, `identities_by_blob` the objects in it, `status_heads`
    which status branches were read, `agent_backoffs` which clusters' agents could not be
    configured.
    """

    forges: Mapping[str, Forge]
    mirrors: Mirrors
    store: Store
    clock: Clock
    listening_since: datetime
    propose: Callable[[Snapshot], Awaitable[Proposal]]
    fleet: Repo
    markers: Markers
    public_url: str
    charts: Charts
    azure: Azure
    clusters: Clusters = field(default_factory=Clusters)
    outbound: Outbound = field(default_factory=OutboundClient)
    gate_keys: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    notify_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    notify_keys: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    metrics: Metrics = field(default_factory=Metrics)
    traces: Traces = field(default_factory=Traces)
    pause: Pause | None = None
    answers: Answers | None = None
    fence: Fence = field(default_factory=Unfenced)
    deploy_keys: Mapping[Repo, DeployKey] = field(default_factory=dict)
    pacing: dict[tuple[str, ...], Paced] = field(default_factory=dict)
    refusals: dict[tuple[Repo, int], Refused] = field(default_factory=dict)
    refused_branches: dict[tuple[Repo, str], str] = field(default_factory=dict)
    first_texts: dict[tuple[str, ...], str] = field(default_factory=dict)
    contributors: dict[CommitsKey, KnownContributors] = field(default_factory=dict)
    repositories: dict[Repo, KnownRepository] = field(default_factory=dict)
    empty_repositories: dict[Repo, str] = field(default_factory=dict)
    fetching: defaultdict[Repo, asyncio.Lock] = field(
        default_factory=lambda: defaultdict(asyncio.Lock)
    )
    holdings: dict[HoldingsKey, KnownHoldings] = field(default_factory=dict)
    idle: dict[str, KnownIdle] = field(default_factory=dict)
    source_branches: dict[tuple[Repo, int], str] = field(default_factory=dict)
    results: Results = field(default_factory=lambda: Results(MOST_RESULTS))
    usage_by_blob: dict[tuple[str, str], FileUsage] = field(default_factory=dict)
    identities_by_blob: dict[str, tuple[ObjectIdentity, ...]] = field(default_factory=dict)
    status_heads: dict[str, str] = field(default_factory=dict)
    agent_backoffs: dict[str, Backoff] = field(default_factory=dict)

    def forge(self, repo: Repo) -> Forge:
        """The forge a repository lives on.

        Raises:
            ForgeError: no such forge is set up.
        """
        found = self.forges.get(repo.forge)
        if found is None:
            known = ", ".join(sorted(self.forges))
            raise ForgeError(f"{repo}: no forge {repo.forge!r} is set up (there is: {known})")
        found = fenced(found, self.fence)
        found = found if self.pause is None else patient(found, self.pause)
        return found if self.answers is None else self.answers.of(found, repo)

    async def reach(self, repo: Repo, info: RepositoryInfo) -> tuple[str, Access]:
        """Where Git finds a repository, and as whom: over SSH where it has a deploy key.

        Raises:
            ForgeError: its forge has no SSH, or gives no credentials.
        """
        key = self.deploy_keys.get(repo)
        if key is None:
            return info.clone_url, await self.forge(repo).git_credentials(repo.path)
        if not info.ssh_url:
            raise ForgeError(f"{repo} has a deploy key, but the forge {repo.forge} has no SSH")
        return info.ssh_url, key

    def callback(self, gate: str) -> str:
        """Where the result of a gate is posted."""
        return f"{self.public_url}/gates/{gate}"

    def page(self, application: str) -> str:
        """The address of an application's status page."""
        return f"{self.public_url}/rollouts/{application}"

    def plan_page(self, application: str, digest: str) -> str:
        """The address of the page of one plan, whether or not its revision is merged."""
        return f"{self.public_url}/plans/{application}/{digest}"

    def is_public(self, repo: Repo) -> bool:
        """Whether people on a repository's forge can open the pages: no `public_url` may be set."""
        return repo.forge == LOCAL or not is_loopback(urlsplit(self.public_url).hostname or "")
