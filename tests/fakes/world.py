"""A whole world for stories: a forge, the bot, simulated clusters, one clock.

The forge is the in-memory twin (`memory`), or one that the bot reaches over HTTP: `local`,
`github`, `gitlab`, or the last two together. People and clusters reach it without HTTP; so does the
bot's Git, except with `git_over_http` and at the local forge.

`settle` lets everything that is due happen, without time passing; `advance` lets time pass.
"""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from starlette.types import ASGIApp

from bot.app import make_context
from bot.context import Context
from bot.engine import discovery
from bot.engine.propose import Draft, draft
from bot.engine.results import ByContent, Results
from bot.forges import Forge, ForgeError, GitCredentials
from bot.gather.errors import GatherError
from bot.git import GitError, Mirrors
from bot.keys import agent_key
from bot.outbound.client import OutboundClient
from bot.report.model import ROLLOUTS, RolloutView, WaveView
from bot.sandbox.demo.agents import Behaviour, Report, SimulatedCluster
from bot.sandbox.demo.fleet import Simulated
from bot.sandbox.demo.site import APP, BOT, DEPLOY, FLEET
from bot.sandbox.forge.records import User
from bot.sandbox.forge.server import ThreadedServer
from bot.sandbox.forge.state import ForgeState as State
from bot.settings import Settings
from bot.web.auth import Auth
from bot.web.server import create_app
from bot.worker import dispatch
from bot.worker.sweep import sweep
from bot.worker.worker import work_one
from planners.model import Repo
from planners.model.snapshot import Snapshot
from tests.fakes.dialects import SECRET as HOOK_SECRET
from tests.fakes.dialects import TOKENS, carrier, connect, places, start_dialects, start_state
from tests.fakes.direct_git import DirectGit, SharedGit
from tests.fakes.faults import Faults, FaultyCalls
from tests.fakes.hands import Hand
from tests.fakes.memory_forge import MemoryForge
from tests.fakes.post import Post
from tests.fakes.stores import prepared

REPORT_KEY = "report-key-of-the-tests"
ALERT_TOKEN = "alert-token-of-the-tests"
SERVICE = "http://service.test"
HERE = {"host": "127.0.0.1:7080"}  # as a browser on the service's own machine says
SMALL = ("one", "two", "three")
DRAFTS = Results(most=200)
"""The drafts that the worlds of a test process share."""
WAITS = (ForgeError, GitError, GatherError)  # what the service logs, and tries again


def manifest(name: str, image: str = "1.0.0") -> bytes:
    return (
        f"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\nspec:\n  replicas: 2\n"
        f"  selector:\n    matchLabels:\n      app: {name}\n  template:\n    metadata:\n"
        f"      labels:\n        app: {name}\n    spec:\n      containers:\n"
        f"        - name: {name}\n"
        f"          image: registry.example.com/{name}:{image}\n"
    ).encode()


SWITCHYARD = b"""apiVersion: switchyard.dev/v1alpha1
kind: Application
metadata: {name: storefront}
spec:
  tenant: shop
  components:
    - {name: redis, source: {manifests: deploy/redis}}
    - name: cart
      source: {manifests: deploy/cart}
      dependsOn: [{component: redis, timeout: 10m}]
    - name: web
      source: {manifests: deploy/web}
      dependsOn: [{component: cart, on: allClusters}]
  placement:
    - components: [redis, cart, web]
      allOf: [{matchLabels: {tier: edge}}]
  rollout:
    stages:
      - {name: canary, clusters: {matchLabels: {canary: "true"}}}
      - {name: rest}
"""


def small_app(**images: str) -> dict[str, bytes | None]:
    """Three components in a row."""
    files: dict[str, bytes | None] = {"switchyard.yaml": SWITCHYARD}
    for name in ("redis", "cart", "web"):
        files[f"deploy/{name}/deployment.yaml"] = manifest(name, images.get(name, "1.0.0"))
    return files


def small_fleet(clusters: tuple[str, ...] = SMALL, policy: str = "{}") -> dict[str, bytes | None]:
    """Clusters, the first of them the canary; one tenant, one registration, one policy."""
    head = "apiVersion: switchyard.dev/v1alpha1\nkind: "
    files = {
        "tenants/shop.yaml": f"{head}Tenant\nmetadata: {{name: shop}}\nspec: {{namespace: shop}}\n",
        "applications/storefront.yaml": (
            f"{head}Registration\nmetadata: {{name: storefront}}\nspec: {{application: storefront, "
            f"tenant: shop, app: 'local:{APP}', deploy: 'local:{DEPLOY}'}}\n"
        ),
        "policies/default.yaml": f"{head}Policy\nmetadata: {{name: default}}\nspec: {policy}\n",
    }
    for name in clusters:
        canary = ', canary: "true"' if name == clusters[0] else ""
        files[f"clusters/{name}.yaml"] = (
            f"{head}Cluster\nmetadata: {{name: {name}, labels: {{tier: edge{canary}}}}}\n"
            f"spec: {{agent: flux}}\n"
        )
    return {path: text.encode() for path, text in files.items()}


async def close(context: Context) -> None:
    """Let go of the database and of the connections of a bot."""
    context.store.close()
    for forge in context.forges.values():
        await forge.close()


class World:
    """Everything a story needs; people act through `ada`, `rita` and `otto`."""

    def __init__(
        self,
        folder: Path,
        dialect: str = "memory",
        wrap: Callable[[ASGIApp], ASGIApp] | None = None,
        faults: Faults | None = None,
        *,
        git_over_http: bool = False,
    ) -> None:
        self.git_over_http = git_over_http or dialect == "local"
        self.folder, self.places, self.wrap = folder, places(dialect), wrap
        self.now = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
        self.deaf = False
        self.outbound = OutboundClient()
        self.main = "main"
        self.post = Post(self)
        hooks = httpx.AsyncClient(transport=carrier(self, self.post))
        self.servers: list[ThreadedServer] = []
        self.closing = AsyncExitStack()
        self.site = start_state(self, dialect, hooks)
        for repository in (APP, FLEET, DEPLOY):
            where = f"{SERVICE}/hooks/{self.places[repository]}"
            self.site.made.hooks.add(repository, where, HOOK_SECRET)
        self.known = start_dialects(self, dialect)
        self.forges: dict[str, Forge] = {}
        if dialect == "memory":
            self.memory = MemoryForge(self.forge, BOT, TOKENS[BOT], (HOOK_SECRET.encode(),))
            self.forges["local"] = FaultyCalls(self.memory, faults or Faults())
        self.clusters: dict[str, Simulated] = {}
        self.unsent: list[tuple[str, Report]] = []
        direct = SharedGit(self.forge)
        self.agents = Mirrors(folder / "agents", transport=direct).of(Repo("local", DEPLOY))
        (folder / "bot").mkdir()
        (folder / "bot/switchyard.db").write_bytes(prepared())
        self.start_bot()

    def start_bot(self) -> None:
        """Start the bot on what its folder holds, also after it stopped or lost its database."""
        settings = self.settings = Settings(
            data_dir=self.folder / "bot",
            fleet=f"{self.places[FLEET]}:{FLEET}",
            marker_key="marker-key-of-the-tests",
            report_key=REPORT_KEY,
            alert_tokens=[ALERT_TOKEN],
            **self.known,
        )

        forges = self.forges or connect(self, settings)
        made = make_context(settings, forges, self.draft, lambda: self.now)
        self.context = replace(made, outbound=self.outbound)
        if not self.git_over_http:
            direct = DirectGit(self.forge, self.user_of)
            mirrors = Mirrors(self.folder / "bot/mirrors", transport=direct)
            self.context = replace(self.context, mirrors=mirrors)
        auth = Auth(settings, discovery.forges(), self.context)
        self.app = create_app(auth, discovery.agents(), (REPORT_KEY,), lambda: None)
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url=SERVICE, headers=HERE
        )

    async def draft(self, planned: Snapshot) -> Draft:
        """A draft depends on the planning input alone, so that worlds share those of equal ones."""
        if self.context.results.verify:
            return draft(planned)
        application = planned.application
        key = "draft", repr(application), ByContent(application.name, planned)
        return DRAFTS.get(key, lambda: draft(planned), lambda _: 1)

    async def lose_database(self) -> None:
        """Stop the bot, delete its database and mirrors, start it again."""
        await self.stop_bot()
        for path in (self.folder / "bot").glob("switchyard.db*"):
            path.unlink()
        self.start_bot()

    async def stop_bot(self) -> None:
        """Let go of the database and of connections."""
        await close(self.context)
        await self.client.aclose()

    async def stop(self) -> None:
        """Stop everything; a story adds what it opened itself to `closing`."""
        await self.closing.aclose()
        await self.stop_bot()
        for server in self.servers:
            server.stop()

    @property
    def forge(self) -> State:
        """What the forge knows, whatever dialect the bot hears."""
        return self.site.made.forge

    @property
    def own(self) -> Any:
        """What the forge of the app repo knows beyond that: a GitHub, a GitLab, or the twin."""
        place = self.places[APP]
        return getattr(self, "memory" if place == "local" else place)

    def user_of(self, credentials: GitCredentials) -> User | None:
        """Whose credentials for Git these are: each forge has its own user name for tokens."""
        token = credentials.password
        match credentials.username:
            case "x-access-token":
                found: User | None = self.github.user_of(token)
                return found
            case "oauth2":
                return self.forge.authenticate(None, token)
            case login:
                return self.forge.authenticate(login, token)

    def person(self, login: str) -> Hand:
        """Somebody on the forge."""
        return Hand(login, self.forge)

    def rename(self, login: str, new: str) -> None:
        """Give an account another login; its id stays, as on every forge."""
        forge = self.forge
        forge.users[new] = replace(forge.users.pop(login), login=new)
        for repository in forge.repositories.values():
            roles = repository.roles.items()
            repository.roles = {new if who == login else who: role for who, role in roles}
        for path in forge.repositories:
            for each in forge.requests_of(path):
                each.author = new if each.author == login else each.author
                each.merged_by = new if each.merged_by == login else each.merged_by
                for comment in each.comments:
                    comment.author = new if comment.author == login else comment.author

    def forget_pushes(self, repository: str) -> None:
        """Let the forge not know any more who pushed there until now."""
        forgotten, updates = len(self.forge.updates(repository)), self.forge.updates
        self.forge.updates = (  # type: ignore[method-assign] # as before it kept records
            lambda path: updates(path)[forgotten if path == repository else 0 :]
        )

    @property
    def ada(self) -> Hand:
        return self.person("ada")

    @property
    def rita(self) -> Hand:
        return self.person("rita")

    @property
    def otto(self) -> Hand:
        return self.person("otto")

    def found(self, fleet: Mapping[str, bytes | None]) -> None:
        """Push the fleet and the first commit of the deploy repo; clusters begin to poll."""
        self.describe(fleet)
        self.otto.push(DEPLOY, "main", {"README.md": b"What clusters pull.\n"}, "Begin")
        for path in fleet:
            if path.startswith("clusters/"):
                name = path.removeprefix("clusters/").removesuffix(".yaml")
                self.add_cluster(name)

    def describe(self, fleet: Mapping[str, bytes | None]) -> None:
        """Push to the fleet repo; repositories are on the forge of this world."""
        told = {path: text and self.placed(text) for path, text in fleet.items()}
        self.otto.push(FLEET, "main", told, "Describe the fleet")

    def placed(self, text: bytes) -> bytes:
        """A document that names repositories by the forges they are on here."""
        for path, forge in self.places.items():
            text = text.replace(f"local:{path}".encode(), f"{forge}:{path}".encode())
        return text

    def add_cluster(self, name: str) -> None:
        accounts = {"switchyard-shop": frozenset({"shop"})}
        behaviour = Behaviour(apply_time=timedelta(seconds=2), accounts=accounts)
        self.clusters[name] = SimulatedCluster(name, agent_key(REPORT_KEY, "flux", name), behaviour)

    def behave(self, cluster: str, **how: Any) -> None:
        """Change how a cluster fares from now on."""
        found = self.clusters[cluster]
        found.behaviour = replace(found.behaviour, **how)  # type: ignore[assignment]

    async def settle(self) -> None:
        """Let everything that is due now happen, until nothing more does."""
        for _ in range(200):
            busy = await self._once()
            if not busy:
                return
        raise AssertionError("the world does not come to rest")

    async def _once(self) -> bool:
        await self.flush_hooks()
        busy = False
        with suppress(*WAITS):
            busy = bool(await dispatch.drain(self.context))
        while await work_one(self.context, "tests", timedelta(seconds=15)):
            busy = True
        return await self.report() or busy

    async def flush_hooks(self) -> None:
        await self.site.made.hooks.flush()

    async def report(self) -> bool:
        """Every cluster pulls and says what is new.

        On 503 it says the same again later (notification-controller, `internal/notifier/client.go`:
        the HTTP client retries).
        """
        head = self.pull()
        if head is None:
            return False
        sending, self.unsent = self.unsent, []
        for name, cluster in self.clusters.items():
            files = self.agents.files(head, f"clusters/{name}")
            sending += [(name, each) for each in cluster.step(self.now, head, files)]
        for name, report in sending:
            answer = await self.client.post(
                f"/reports/{self.clusters[name].address}",
                content=report.body,
                headers=dict(report.headers),
            )
            if answer.status_code == 503:
                self.unsent.append((name, report))
            else:
                assert answer.status_code == 202, answer.text
        return len(sending) > len(self.unsent)

    def pull(self) -> str | None:
        """Fetch the deploy repo as clusters do; the newest commit of its main branch."""
        if self.forge.git.head(DEPLOY, self.main) != self.agents.head(self.main):
            self.agents.fetch(f"/{DEPLOY}", GitCredentials("otto", TOKENS["otto"]))
        return self.agents.head(self.main)

    async def advance(self, seconds: float) -> None:
        """Let time pass, then everything that is due."""
        self.now += timedelta(seconds=seconds)
        await self.settle()

    async def finish(self) -> None:
        """Let time pass in small steps until every wave is merged and ready."""
        for _ in range(60):
            await self.advance(3)
            view = self.view()
            if view.done and view.waves:
                return
        raise AssertionError([(w.name, w.gates, w.pending) for w in self.view().waves])

    async def sweep(self) -> None:
        await sweep(self.context)
        await self.settle()

    def view(self) -> RolloutView:
        """What the rollout page shows."""
        found = self.context.store.views.load(ROLLOUTS, "storefront")
        assert found is not None
        return found

    def wave(self, name: str) -> WaveView:
        return next(wave for wave in self.view().waves if wave.name == name)

    def reasons(self, wave: str) -> list[str]:
        return [gate.reason for gate in self.wave(wave).gates]

    def merged(self) -> list[str]:
        """The waves merged so far, in the order of their merges."""
        requests = self.otto.requests(DEPLOY, "merged")
        order = {entry["sha"]: index for index, entry in enumerate(self.log())}
        requests.sort(key=lambda each: -order[each["merge_sha"]])
        return [each["source_branch"].rpartition("/")[2] for each in requests]

    def log(self) -> list[Mapping[str, str]]:
        git = self.forge.git
        tip = git.head(DEPLOY, self.main)
        assert tip is not None
        return git.log(DEPLOY, tip, 500)

    def deployed(self, cluster: str, component: str) -> str:
        """The component's Deployment as it is merged for a cluster."""
        path = f"clusters/{cluster}/apps/shop/storefront/{component}/deployment-{component}.yaml"
        head = self.pull()
        assert head is not None
        return self.agents.files(head, path.rpartition("/")[0])[path.rpartition("/")[2]].decode()

    def home(self, number: int) -> str:
        """The bot's one comment on an app merge request."""
        ours = [
            each
            for each in self.ada.comments(APP, number)
            if each["author"]["login"] == BOT and "<!-- switchyard:home" in each["body"]
        ]
        assert len(ours) == 1, [each["body"][:200] for each in ours]
        return str(ours[0]["body"])
