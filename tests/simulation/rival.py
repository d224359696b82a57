"""A second application that wants the same CPU: clusters have 3, each application requests 2.

It comes, shrinks to 1 and grows again at times that the seed draws, and is small in the end. Its
deploy repo is its own. What is merged never requests more than a cluster has.
"""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pygit2

from bot.forges import ORDER
from bot.sandbox.demo.site import BOT, DEPLOY
from tests.fakes.world import manifest
from tests.simulation.requests import CAPACITY, LARGE, SMALL, requested, requesting
from tests.simulation.site import Happening

if TYPE_CHECKING:
    from tests.simulation.world import World

APP, SAFE = "shop/bank", "fleet/safe"
HEAD = "apiVersion: switchyard.dev/v1alpha1\n"


@dataclass(slots=True)
class Rival:
    """The second application, and the law that both share."""

    world: "World"
    size: int = 0
    _used: dict[str, int] = field(default_factory=dict)

    def found(self) -> dict[str, bytes | None]:
        """Create its repositories; what the fleet repo says of it, which may come first."""
        roles = {"ada": "write", "rita": "write", "otto": "admin", BOT: "write"}
        forge = self.world.forge
        forge.create_repository(APP, roles)
        forge.create_repository(SAFE, roles, protected=True, required_statuses=(ORDER,))
        self.world.people.hand("otto").push(SAFE, "main", {"README.md": b"Begin.\n"}, "Begin")
        priority = self.world.faults.choose("priority", 0, 5)
        text = (
            f"{HEAD}kind: Registration\nmetadata: {{name: bank}}\nspec: {{application: bank, "
            f"tenant: shop, app: 'local:{APP}', deploy: 'local:{SAFE}', priority: {priority}}}\n"
        )
        return {"applications/bank.yaml": text.encode()}

    async def act(self) -> None:
        """Come, shrink and grow."""
        faults = self.world.faults
        while True:
            await asyncio.sleep(1 + self.world.faulty * 0.3 * faults.next("pause of the bank"))
            self.push(SMALL if self.size == LARGE else LARGE)

    def push(self, size: int) -> None:
        """Make a version of this size the newest one."""
        self.size = size
        document = (
            f"{HEAD}kind: Application\nmetadata: {{name: bank}}\nspec:\n  tenant: shop\n"
            "  components: [{name: bank, source: {manifests: deploy}}]\n"
            "  placement: [{components: [bank], allOf: [{}]}]\n"
        )
        files = {"switchyard.yaml": document.encode()}
        files["deploy/bank.yaml"] = requesting(manifest("bank"), size)
        self.world.people.hand("ada").push(APP, "main", files, f"Request {size}m")
        self.world.note("the bank requests", millicores=size)

    def on_change(self, happening: Happening) -> None:
        """See that no cluster is oversold after a merge."""
        if happening.action != "merged" or happening.repository not in {DEPLOY, SAFE}:
            return
        for name in self.world.scenario.clusters:
            used = sum(self._requested(repository, name) for repository in (DEPLOY, SAFE))
            if used > CAPACITY:
                where = f"{happening.repository}!{happening.number}"
                self.world.violate(f"{name} is oversold by {where}: {used}m")

    def _requested(self, repository: str, cluster: str) -> int:
        """The millicores that everything merged on a cluster requests."""
        git, head = self.world.opened(repository), self.world.forge.git.head(repository, "main")
        assert head is not None
        tree = git[head].peel(pygit2.Tree)
        path = f"clusters/{cluster}"
        if path not in tree:
            return 0
        folder = tree[path]
        assert isinstance(folder, pygit2.Tree)
        key = str(folder.id)
        if key not in self._used:
            self._used[key] = requested(folder)
        return self._used[key]
