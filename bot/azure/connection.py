"""Requests to Azure Resource Manager; the only importer of the Azure SDK.

The SDK's client blocks, so that each request runs in a thread. Its own retries, redirects and
registration of providers are left out: the queue tries again, with a reason that people can see.
Long-running operations are not followed: the next pass reads `provisioningState`, so that a crash
forgets nothing, and rights on the whole resource group are not needed.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.azure.budget import Operation, RequestBudget
from bot.azure.errors import (
    AzureBusyError,
    AzureRefusedError,
    AzureUnavailableError,
    SdkMissingError,
)
from bot.clock import Clock
from bot.settings import AzureSettings
from planners.model import Json

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

TIMEOUT_SECONDS = 30
MAX_PAGES = 20
THROTTLED, LATER, LONGEST_WAIT = 429, timedelta(seconds=30), timedelta(seconds=10)
_SECONDS = re.compile(r"[0-9]{1,5}")
_CLUSTER = re.compile(
    r"/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/([^/]+)/([^/]+)/([^/]+)"
)
_NEXT_STEPS = {
    401: "check SWITCHYARD_AZURE_TENANT_ID, SWITCHYARD_AZURE_CLIENT_ID and the credentials",
    403: "give the bot's identity a role with Microsoft.KubernetesConfiguration/"
    "fluxConfigurations/read, write and delete on the cluster",
    404: "check subscription, resource group, type and name in the Cluster document",
    400: "compare the message with the Cluster document",
}


@dataclass(slots=True)
class ArmConnection:
    """Reads and writes fluxConfigurations; one client for each subscription.

    A cluster is named by its resource id. `pause` waits a number of seconds.
    """

    credential: "TokenCredential"
    settings: AzureSettings
    clock: Clock
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    _clients: dict[str, Any] = field(default_factory=dict)
    _budget: RequestBudget = field(init=False)

    def __post_init__(self) -> None:
        self._budget = RequestBudget(self.clock)

    async def list(self, cluster: str) -> dict[str, dict[str, Any]]:
        """The fluxConfigurations of a cluster, by name.

        Raises:
            AzureError: it cannot be read, or has more than can be.
        """
        found: dict[str, dict[str, Any]] = await self._request(cluster, Operation.READ, _list)
        return found

    async def put(self, cluster: str, name: str, properties: Mapping[str, Json]) -> None:
        """Create or replace one; Azure finishes that later.

        Raises:
            AzureError: it was refused, or whether it was done is unknown.
        """
        body = {"properties": properties}
        await self._request(
            cluster,
            Operation.WRITE,
            lambda client, where: client.begin_create_or_update(*where, name, body, polling=False),
        )

    async def delete(self, cluster: str, name: str) -> None:
        """Delete one, and what its kustomizations applied; Azure finishes that later.

        Raises:
            AzureError: it was refused, or whether it was done is unknown.
        """
        await self._request(
            cluster,
            Operation.DELETE,
            lambda client, where: client.begin_delete(*where, name, polling=False),
        )

    def close(self) -> None:
        """Let go of connections."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    async def _request(
        self, cluster: str, operation: Operation, call: Callable[[Any, tuple[str, ...]], Any]
    ) -> Any:
        """Send a request within the budget, and tell its errors apart."""
        from azure.core import exceptions  # noqa: PLC0415 - comes with the extra

        match = _CLUSTER.fullmatch(cluster)
        if match is None:
            raise AzureRefusedError(f"{cluster!r} is not the resource id of a cluster")
        subscription, *where = match.groups()
        await self._spend(subscription, operation)
        client = self._client(subscription).flux_configurations
        try:
            return await asyncio.to_thread(call, client, tuple(where))
        except exceptions.HttpResponseError as error:
            raise self._told(error, subscription, operation) from error
        except exceptions.AzureError as error:
            raise AzureUnavailableError(f"Azure cannot be reached: {_short(error)}") from error

    async def _spend(self, subscription: str, operation: Operation) -> None:
        """Wait for a token; where that takes long, somebody else should try again."""
        while (wait := self._budget.spend(subscription, operation)) is not None:
            if wait > LONGEST_WAIT:
                raise AzureBusyError(
                    f"Azure takes no more {operation.value}s of subscription {subscription} now",
                    wait,
                )
            await self.pause(wait.total_seconds())

    def _told(self, error: Any, subscription: str, operation: Operation) -> Exception:
        """An error that says what Azure answered and what to do."""
        if error.response is None:
            return AzureUnavailableError(f"no token for Azure: {_short(error)}: {_NEXT_STEPS[401]}")
        status, pause = error.status_code, _retry_after(error.response)
        said = f"Azure answered {status} {_said(error)}"
        if status == THROTTLED:
            self._budget.drain(subscription, operation, pause or LATER)
            return AzureBusyError(said, pause or LATER)
        if status in _NEXT_STEPS:
            return AzureRefusedError(f"{said}: {_NEXT_STEPS[status]}")
        return AzureUnavailableError(said, pause)

    def _client(self, subscription: str) -> Any:
        from azure.core.pipeline import policies  # noqa: PLC0415 - comes with the extra
        from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy  # noqa: PLC0415
        from azure.mgmt.kubernetesconfiguration import fluxconfigurations as sdk  # noqa: PLC0415

        if subscription not in self._clients:
            url = str(self.settings.azure_url).rstrip("/")
            scope = f"{url}/.default"
            self._clients[subscription] = sdk.KubernetesConfigurationFluxConfigurationsMgmtClient(
                self.credential,
                subscription,
                url,
                credential_scopes=[scope],
                policies=[
                    policies.UserAgentPolicy("switchyard"),
                    policies.ContentDecodePolicy(),
                    ARMChallengeAuthenticationPolicy(self.credential, scope),
                ],
                connection_verify=str(self.settings.azure_ca_file)
                if self.settings.azure_ca_file
                else True,
                connection_timeout=TIMEOUT_SECONDS,
                read_timeout=TIMEOUT_SECONDS,
            )
        return self._clients[subscription]


def connect(settings: AzureSettings, clock: Clock) -> ArmConnection:
    """The connection that the settings describe.

    Raises:
        SdkMissingError: the extra is not installed.
        AzureRefusedError: the identity's settings are wrong.
    """
    try:
        import azure.identity  # noqa: PLC0415 - comes with the extra
        import azure.mgmt.kubernetesconfiguration.fluxconfigurations  # noqa: PLC0415
    except ImportError as error:
        raise SdkMissingError(
            "the agent azure-arc requires the Azure SDK: install switchyard[azure]"
        ) from error
    try:
        credential = _credential(settings, azure.identity)
    except (OSError, ValueError) as error:
        raise AzureRefusedError(f"the bot's identity in Azure: {_short(error)}") from error
    return ArmConnection(credential, settings, clock)


def _credential(settings: AzureSettings, identity: Any) -> "TokenCredential":
    """A secret, a certificate or a federated token if one is set, else the managed identity."""
    tenant, client = settings.azure_tenant_id, settings.azure_client_id
    default = AzureSettings.model_fields["azure_authority"].default
    common: dict[str, Any] = {
        "authority": str(settings.azure_authority),
        "disable_instance_discovery": settings.azure_authority != default,
    }
    if settings.azure_ca_file is not None:
        common["connection_verify"] = str(settings.azure_ca_file)
    if settings.azure_client_secret is not None:
        secret = settings.azure_client_secret.get_secret_value()
        found = identity.ClientSecretCredential(tenant, client, secret, **common)
    elif settings.azure_client_certificate is not None:
        file = str(settings.azure_client_certificate)
        found = identity.CertificateCredential(tenant, client, file, **common)
    elif settings.azure_token_file is not None:
        found = identity.WorkloadIdentityCredential(
            tenant_id=tenant,
            client_id=client,
            token_file_path=str(settings.azure_token_file),
            **common,
        )
    else:
        found = identity.ManagedIdentityCredential(client_id=client or None)
    credential: TokenCredential = found
    return credential


def _list(client: Any, where: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for number, page in enumerate(client.list(*where).by_page()):
        if number >= MAX_PAGES:
            raise AzureRefusedError(
                f"the cluster has more than {len(found)} fluxConfigurations: delete some"
            )
        found |= {each["name"]: each.as_dict() for each in page}
    return found


def _retry_after(response: Any) -> timedelta:
    header = response.headers.get("Retry-After", "")
    return timedelta(seconds=int(header)) if _SECONDS.fullmatch(header) else timedelta()


def _said(error: Any) -> str:
    """Code and message of Azure's error, on one line."""
    with suppress(AttributeError, KeyError, TypeError, ValueError):
        inner = error.response.json()["error"]
        return _short(f"{inner['code']}: {inner['message']}").rstrip(".")
    return _short(error.reason)


def _short(text: object) -> str:
    return " ".join(str(text).split())[:300]
