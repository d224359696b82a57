"""The local forge, the real service, and the sample shop on the clusters of the rig."""

import secrets
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bot.clock import system_clock
from bot.sandbox.demo.people import Person
from bot.sandbox.demo.site import APP, BOT, DEPLOY, FLEET, PEOPLE, Site, sample, start_site
from tests.acceptance.processes import Processes, free_ports

APPLICATION = "storefront"
SWITCHYARD = Path(sys.prefix) / "bin" / "switchyard"
START_SECONDS = 60
CLUSTER = """\
apiVersion: switchyard.dev/v1alpha1
kind: Cluster
metadata:
  name: {name}
  labels: {{region: {region}, tier: {tier}, size: {size}, gpu: "true", canary: "{canary}"}}
spec:
  agent: {agent}
  {agent}: {settings}
"""
SETTINGS = {
    "flux": "{timeout: 1m, gitSecret: switchyard-git}",
    "argocd": '{repoUrl: "FORGE/{repo}.git"}',
}

TENANT = """\
apiVersion: switchyard.dev/v1alpha1
kind: Tenant
metadata: {name: shop}
spec:
  namespace: shop
  namespaces: [shop-jobs]
  clusters: {matchExpressions: [{key: region, operator: In, values: [REGIONS]}]}
  deploy: local:fleet/deploy
"""


@dataclass(slots=True)
class Service:
    """The forge with its repositories, and the address of the service."""

    site: Site
    url: str
    folder: Path
    environment: dict[str, str]

    def person(self, login: str) -> Person:
        """A user of the forge."""
        return self.site.person(login)

    def rollout(self, application: str = APPLICATION) -> dict[str, Any] | None:
        """What the service's API says about a rollout."""
        try:
            answer = httpx.get(f"{self.url}/api/v1/rollouts/{application}", timeout=30)
        except httpx.HTTPError:
            return None
        if answer.status_code != httpx.codes.OK:
            return None
        found: dict[str, Any] = answer.json()
        return found

    def report_key(self, cluster: str, agent: str) -> str:
        """`switchyard report-key`, as the guides say."""
        command = [str(SWITCHYARD), "report-key", cluster, "--agent", agent]
        command += ["--secrets-dir", str(self.secrets)]
        done = subprocess.run(
            command, env=self.environment, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    @property
    def secrets(self) -> Path:
        """The folder of the service's secrets."""
        return self.folder / "secrets"


def start_service(processes: Processes, folder: Path, clusters: Mapping[str, str]) -> Service:
    """Start forge and service with a fleet of these clusters; the first one is the canary."""
    tokens = {login: secrets.token_hex(16) for login in (*PEOPLE, BOT)}
    site = start_site(folder / "forge", tokens, system_clock)
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    environment = {
        "PATH": f"{SWITCHYARD.parent}:/usr/local/bin:/usr/bin:/bin",
        "SWITCHYARD_DATA_DIR": str(folder / "service"),
        "SWITCHYARD_FLEET": f"local:{FLEET}",
        "SWITCHYARD_PORT": str(port),
        "SWITCHYARD_PUBLIC_URL": url,
        "SWITCHYARD_LOCAL_URL": site.url,
        "SWITCHYARD_RESYNC_SECONDS": "30",
    }
    service = Service(site, url, folder, environment)
    hook_secret = secrets.token_hex(16)
    _write_secrets(service.secrets, tokens[BOT], hook_secret)
    for repository in (APP, FLEET, DEPLOY):
        site.made.hooks.add(repository, f"{url}/hooks/local", hook_secret)
    _fill(service, clusters)
    processes.start(
        "switchyard", [str(SWITCHYARD), "serve", "--secrets-dir", str(service.secrets)], environment
    )
    processes.wait("the service", lambda: _is_alive(url), START_SECONDS)
    return service


def _write_secrets(folder: Path, token: str, hook_secret: str) -> None:
    folder.mkdir(parents=True)
    values = {
        "marker_key": secrets.token_hex(16),
        "report_key": secrets.token_hex(16),
        "local_token": token,
        "local_webhook_secret": hook_secret,
    }
    for name, value in values.items():
        (folder / f"switchyard_{name}").write_text(value)
    folder.chmod(0o700)


def _fill(service: Service, clusters: Mapping[str, str]) -> None:
    """The sample's repositories; recommendations run on every cluster, because there are few."""
    otto = service.person("otto")
    fleet = {
        path: content
        for path, content in sample("fleet").items()
        if not path.startswith(("clusters/", "tenants/"))
    }
    fleet["tenants/shop.yaml"] = _tenant(clusters)
    for number, (name, agent) in enumerate(clusters.items()):
        labels = {"tier": "edge", "size": "small"} if number else {"tier": "core", "size": "large"}
        canary = "false" if number else "true"
        region = name.partition("-")[0]
        settings = SETTINGS[agent].replace("FORGE", service.site.url)
        text = CLUSTER.format(
            name=name, region=region, canary=canary, agent=agent, settings=settings, **labels
        )
        fleet[f"clusters/{name}.yaml"] = text.encode()
    otto.push(FLEET, "main", fleet, "Describe the fleet")
    readme = b"# What the clusters pull\n\nSwitchyard writes here, by merge request.\n"
    otto.push(DEPLOY, "main", {"README.md": readme}, "Begin")
    otto.push(APP, "main", {"README.md": sample("app")["README.md"]}, "Begin")


def describe_tenant(service: Service, clusters: Iterable[str]) -> None:
    """Let the tenant run on these clusters, and on no others."""
    files = {"tenants/shop.yaml": _tenant(clusters)}
    service.person("otto").push(FLEET, "main", files, "Change the tenant's clusters")


def _tenant(clusters: Iterable[str]) -> bytes:
    regions = ", ".join(name.partition("-")[0] for name in clusters)
    return TENANT.replace("REGIONS", regions).encode()


def app_files() -> dict[str, bytes]:
    """The sample shop, for a fleet of three clusters."""
    found = dict(sample("app"))
    intents = found["switchyard.yaml"].decode().replace("count: 4", "count: 3")
    return found | {"switchyard.yaml": intents.encode()}


def _is_alive(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=5).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
