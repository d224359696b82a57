"""`demo --auto --burst`: load rises on some clusters, another one serves too, and is given back."""

import asyncio
import hashlib
import hmac
import json
from typing import Any

import httpx

from bot.clock import system_clock
from bot.keys import facts_key
from bot.sandbox.demo.play import POLL_SECONDS, Progress, approve, say, view_of
from bot.sandbox.demo.site import APP, DEPLOY, FLEET, Site, sample

COMPONENT, LIKE = "search", "ads"
BUSY, CALM = 0.95, 0.2
TIMEOUT_SECONDS = 900.0
BEFORE = {
    b"  placement:\n": b"    - {name: search, source: {manifests: deploy/search}}\n",
    b"  connectivity:\n": b"""    - components: [search]
      anyOf: {select: {matchLabels: {gpu: "true"}}, count: 1}
""",
    b"  rollout:\n": b"""  rules:
    - name: busy
      components: [search]
      signal: {load: search}
      above: 0.8
      below: 0.4
      for: 10s
      cooldown: 20s
      pace: 20s
      addClusters: {most: 1}
""",
}
"""What is added to the sample's document before each of its lines."""
AUTOMATIC = b"""  automatic:
    - {application: storefront, rule: busy, clusters: {matchLabels: {gpu: "true"}}}
"""


async def burst(site: Site, service_url: str, report_key: str) -> int:
    """Add a component with a rule, let load rise and fall; returns the exit code."""
    progress = Progress()
    await asyncio.to_thread(_add, site)
    say(progress, f"Ada adds {COMPONENT} and its rule busy, which Otto lets go without a person")
    async with httpx.AsyncClient(timeout=10) as client:
        crowd = _Crowd(client, service_url, report_key, progress)
        for value, clusters in ((CALM, 1), (BUSY, 2), (CALM, 1)):
            say(progress, f"the load is {value:g}")
            found = await crowd.until_on(clusters, value, site)
            if found is None:
                say(progress, "nothing followed in time; see service.log in the data folder")
                return 1
            say(progress, f"{COMPONENT} runs on {' and '.join(sorted(found))}")
    return 0


def policy() -> dict[str, bytes]:
    """The sample's policy, with the rule that needs no person."""
    path = "policies/default.yaml"
    return {path: sample("fleet")[path] + AUTOMATIC}


def added_files() -> dict[str, bytes]:
    """The sample's document with the component and its rule, and its manifests."""
    app = sample("app")
    document = app["switchyard.yaml"]
    for line, added in BEFORE.items():
        document = document.replace(line, added + line)
    manifests = {
        path.replace(LIKE, COMPONENT): content.replace(LIKE.encode(), COMPONENT.encode())
        for path, content in app.items()
        if path.startswith(f"deploy/{LIKE}/")
    }
    return {"switchyard.yaml": document, **manifests}


def _add(site: Site) -> None:
    """Merge the component with its rule, once Rita has approved it."""
    otto, rita, ada = (site.person(name) for name in ("otto", "rita", "ada"))
    otto.push(FLEET, "main", dict(policy()), "Let busy sites burst")
    ada.push(APP, "search", dict(added_files()), "Search")
    number = ada.open(APP, "search", "Search", "One site searches, two when it is busy.")
    rita.approve(APP, number)
    ada.merge(APP, number)


class _Crowd:
    """Users whose number the clusters feel, and who look at where they are served."""

    def __init__(
        self, client: httpx.AsyncClient, service_url: str, report_key: str, progress: Progress
    ) -> None:
        self._client, self._service, self._key = client, service_url, report_key
        self._progress = progress
        self._told: tuple[str, ...] = ()

    async def placed(self) -> set[str]:
        """The clusters on which the component is ready."""
        view = await view_of(self._client, self._service)
        units: list[dict[str, Any]] = view["units"] if view else []
        return {
            each["cluster"]
            for each in units
            if each["component"] == COMPONENT and each["readiness"] == "READY"
        }

    async def until_on(self, clusters: int, load: float, site: Site) -> set[str] | None:
        """Report a load until the component runs on so many; None after the timeout."""
        while self._progress.elapsed < TIMEOUT_SECONDS:
            now = await self.placed()
            if len(now) == clusters and not await asyncio.to_thread(_open_requests, site):
                return now
            if not now:
                await approve(site, self._progress)
            await asyncio.gather(*(self._report(name, load) for name in now))
            await self._tell_rules()
            await asyncio.sleep(POLL_SECONDS * 4)
        return None

    async def _tell_rules(self) -> None:
        view = await view_of(self._client, self._service)
        told = tuple(view["rules"]) if view else ()
        if told != self._told:
            self._told = told
            for line in told:
                say(self._progress, line)

    async def _report(self, cluster: str, value: float) -> None:
        """What a cluster measures, as it would send it."""
        facts = {"at": system_clock().isoformat(), "load": {COMPONENT: value}}
        body, key = json.dumps(facts).encode(), facts_key(self._key, cluster)
        signature = "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()
        await self._client.post(
            f"{self._service}/facts/{cluster}", content=body, headers={"x-signature": signature}
        )


def _open_requests(site: Site) -> int:
    return len(site.person("rita").requests(DEPLOY))
