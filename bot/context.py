"""What every pass needs of the outside, as one value: made once, by `app`, handed to everything."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.clock import Clock
from bot.engine.propose import Proposal
from bot.engine.usage import ResourceUsage
from bot.forges import Forge, ForgeError, RepositoryInfo
from bot.forges._markers import Markers
from bot.git import Access, DeployKey, Mirrors
from bot.store import Store
from planners.model import Repo
from planners.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Refused:
    """The forge would not merge a merge request: as it stood (`stood`), for the `times`th time."""

    stood: tuple[str, str]
    reason: str
    times: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Context:
    """The outside world behind its doors.

    `propose` runs the core (in a process of its own in the service). `written` remembers what was
    last written to the forge under each key, so that nothing is written twice, and `calm_until`
    when a status may change its text again, `refused` what a forge would not merge; losing them
    costs one repeated, harmless write.
    `demands` remembers what each blob asks for.
    """

    forges: Mapping[str, Forge]
    mirrors: Mirrors
    store: Store
    clock: Clock
    propose: Callable[[Snapshot], Awaitable[Proposal]]
    fleet: Repo
    markers: Markers
    public_url: str
    deploy_keys: Mapping[Repo, DeployKey] = field(default_factory=dict)
    written: dict[tuple[str, ...], str] = field(default_factory=dict)
    calm_until: dict[tuple[str, ...], datetime] = field(default_factory=dict)
    refused: dict[tuple[Repo, int], Refused] = field(default_factory=dict)
    demands: dict[tuple[str, str], ResourceUsage] = field(default_factory=dict)

    def forge(self, repo: Repo) -> Forge:
        """The forge a repository lives on.

        Raises:
            ForgeError: no such forge is set up.
        """
        try:
            return self.forges[repo.forge]
        except KeyError:
            known = ", ".join(sorted(self.forges))
            raise ForgeError(
                f"{repo}: no forge {repo.forge!r} is set up (there is: {known})"
            ) from None

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

    def page(self, application: str) -> str:
        """The address of an application's status page."""
        return f"{self.public_url}/rollouts/{application}"
