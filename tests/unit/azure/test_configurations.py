"""The fluxConfigurations of clusters, through the real SDK at a fake Azure over TLS."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure import identity

from bot.azure import (
    ArmConnection,
    AzureBusyError,
    AzureError,
    AzureRefusedError,
    AzureUnavailableError,
    Converged,
    connect,
    converge,
)
from bot.azure.budget import Operation, RequestBudget
from bot.settings import AzureSettings
from plugins import ApiObjects
from tests.fakes.arm import SECRET, Arm, ClusterFlux, Fault
from tests.fakes.arm.server import LOST
from tests.fakes.azure_world import settings_of
from tests.fakes.certificates import Authority, make_authority

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CLUSTER = (
    "/subscriptions/0000/resourceGroups/edge/providers/Microsoft.Kubernetes/connectedClusters/one"
)
KUSTOMIZATION: dict[str, Any] = {"path": "clusters/one/sync", "prune": True}


def configuration(**changes: Any) -> dict[str, Any]:
    return {
        "scope": "cluster",
        "namespace": "switchyard",
        "sourceKind": "GitRepository",
        "gitRepository": {"url": "https://forge/deploy", "repositoryRef": {"branch": "main"}},
        "kustomizations": {"sync": KUSTOMIZATION},
        **changes,
    }


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("azure") / "ca")


@pytest.fixture
def arm(authority: Authority) -> Iterator[Arm]:
    arm = Arm(authority)
    arm.connect(CLUSTER, ClusterFlux(lambda *_: None))
    yield arm
    arm.stop()


@pytest.fixture
def connection(arm: Arm, authority: Authority) -> Iterator[ArmConnection]:
    made = connected(arm, authority)
    yield made
    made.close()


def connected(arm: Arm, authority: Authority, secret: str = SECRET) -> ArmConnection:
    return connect(settings_of(arm, authority, secret), lambda: NOW)


async def run(
    connection: ArmConnection,
    wanted: dict[str, Any],
    cluster: str = CLUSTER,
    prefix: str = "switchyard",
) -> Converged:
    return await converge(connection, ApiObjects("azure", cluster, wanted, prefix))


def writes(arm: Arm) -> list[str]:
    return [
        f"{method} {path.rpartition('/')[2]}" for method, path in arm.requests if method != "GET"
    ]


async def test_what_is_missing_is_created_once(connection: ArmConnection, arm: Arm) -> None:
    wanted = {"switchyard-sync": configuration()}
    assert (await run(connection, wanted)).pending == ("switchyard-sync",)
    for _ in range(3):
        after = await run(connection, wanted)
    assert after.pending == ()
    assert after.found[0]["properties"]["provisioningState"] == "Succeeded"
    assert writes(arm) == ["PUT switchyard-sync"]


async def test_paths_are_the_same_in_any_case(connection: ArmConnection, arm: Arm) -> None:
    wanted = {"switchyard-sync": configuration()}
    await run(connection, wanted)
    other = CLUSTER.replace(
        "Microsoft.Kubernetes/connectedClusters", "microsoft.kubernetes/connectedclusters"
    )
    assert (await run(connection, wanted, other)).pending == ()
    assert writes(arm) == ["PUT switchyard-sync"]


@pytest.mark.parametrize(
    "changes",
    [
        {"kustomizations": {"sync": {**KUSTOMIZATION, "path": "clusters/two/sync"}}},
        {"kustomizations": {"sync": KUSTOMIZATION, "more": KUSTOMIZATION}},
        {"gitRepository": {"url": "https://forge/deploy", "repositoryRef": {"branch": "next"}}},
    ],
)
async def test_what_differs_is_replaced_when_azure_is_done(
    connection: ArmConnection, arm: Arm, changes: dict[str, Any]
) -> None:
    """While an operation runs nothing is written: it would conflict."""
    arm.operation_reads = 2
    await run(connection, {"switchyard-sync": configuration(**changes)})
    for _ in range(5):
        await run(connection, {"switchyard-sync": configuration()})
    assert writes(arm) == ["PUT switchyard-sync"] * 2
    assert (await run(connection, {"switchyard-sync": configuration()})).pending == ()


async def test_two_applications_have_configurations_of_their_own(
    connection: ArmConnection, arm: Arm
) -> None:
    """What others made stays; of ours, what is not wanted goes."""
    foreign = {"platform": configuration(namespace="platform")}
    both = {"switchyard-app-cart": configuration(), "switchyard-app-web": configuration()}
    await run(connection, foreign, prefix="platform")
    for wanted in (both, both, {"switchyard-app-web": configuration()}):
        await run(connection, wanted)
        await run(connection, wanted)
    there = await connection.list(CLUSTER)
    assert sorted(there) == ["platform", "switchyard-app-web"]
    assert writes(arm)[-1] == "DELETE switchyard-app-cart"
    assert len(writes(arm)) == 4


async def test_a_namespace_cannot_change(connection: ArmConnection, arm: Arm) -> None:
    await run(connection, {"switchyard-sync": configuration()})
    await connection.list(CLUSTER)
    after = await run(connection, {"switchyard-sync": configuration(namespace="other")})
    assert "delete it, and it is created again" in after.refused["switchyard-sync"]
    assert writes(arm) == ["PUT switchyard-sync"]


async def test_azure_refuses_another_scope(connection: ArmConnection) -> None:
    await connection.put(CLUSTER, "switchyard-sync", configuration())
    await connection.list(CLUSTER)
    with pytest.raises(AzureRefusedError, match="400 BadRequest"):
        await connection.put(CLUSTER, "switchyard-sync", configuration(scope="namespace"))


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_a_write_whose_answer_is_lost_is_not_repeated(
    connection: ArmConnection, arm: Arm, method: str
) -> None:
    wanted = {} if method == "DELETE" else {"switchyard-sync": configuration()}
    if method == "DELETE":
        await connection.put(CLUSTER, "switchyard-sync", configuration())
        await connection.list(CLUSTER)
    arm.faults.append(Fault(method, LOST))
    with pytest.raises(AzureUnavailableError, match="cannot be reached"):
        await run(connection, wanted)
    for _ in range(3):
        after = await run(connection, wanted)
    assert after.pending == ()
    assert [each for each in writes(arm) if each.startswith(method)] == [
        f"{method} switchyard-sync"
    ]


async def test_a_failed_operation_says_why(connection: ArmConnection, arm: Arm) -> None:
    """And it is put again, since the cause may be gone."""
    wanted = {"switchyard-sync": configuration()}
    arm.fails = "the extension microsoft.flux cannot be installed"
    await run(connection, wanted)
    await connection.list(CLUSTER)
    said = (
        "Azure could not finish switchyard-sync: the extension microsoft.flux cannot be installed"
    )
    arm.fails = ""
    assert (await run(connection, wanted)).refused == {"switchyard-sync": said}
    await connection.list(CLUSTER)
    assert (await run(connection, wanted)).pending == ()
    assert writes(arm) == ["PUT switchyard-sync"] * 2


@pytest.mark.parametrize(
    "row",
    [
        (401, "AuthenticationFailed", AzureRefusedError, "SWITCHYARD_AZURE_TENANT_ID"),
        (
            403,
            "AuthorizationFailed",
            AzureRefusedError,
            "fluxConfigurations/read, write and delete",
        ),
        (404, "ParentResourceNotFound", AzureRefusedError, "in the Cluster document"),
        (400, "BadRequest", AzureRefusedError, "BadRequest"),
        (409, "Conflict", AzureUnavailableError, "409 Conflict"),
        (412, "PreconditionFailed", AzureUnavailableError, "412 PreconditionFailed"),
        (429, "TooManyRequests", AzureBusyError, "429 TooManyRequests"),
        (500, "InternalServerError", AzureUnavailableError, "500 InternalServerError"),
        (503, "ServerBusy", AzureUnavailableError, "503 ServerBusy"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_errors_say_what_azure_answered_and_what_to_do(
    connection: ArmConnection, arm: Arm, method: str, row: tuple[int, str, type[AzureError], str]
) -> None:
    """Each is tried once: what tries again is the queue, where people see the reason."""
    status, code, kind, says = row
    arm.faults.append(Fault(method, status, code))
    with pytest.raises(AzureError) as raised:
        await send(connection, method)
    assert type(raised.value) is kind
    assert says in str(raised.value)
    assert len(arm.requests) == 1


async def send(connection: ArmConnection, method: str) -> None:
    if method == "GET":
        await connection.list(CLUSTER)
    else:
        await connection.put(CLUSTER, "switchyard-sync", configuration())


async def test_a_wrong_secret_gets_no_token(arm: Arm, authority: Authority) -> None:
    connection = connected(arm, authority, secret="somebody-else's")
    with pytest.raises(AzureUnavailableError, match=r"AADSTS7000215.*SWITCHYARD_AZURE_TENANT_ID"):
        await connection.list(CLUSTER)
    connection.close()
    assert arm.requests == []


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({}, identity.ManagedIdentityCredential),
        ({"azure_client_id": "a"}, identity.ManagedIdentityCredential),
        ({"azure_client_secret": "s" * 16}, identity.ClientSecretCredential),
        ({"azure_token_file": "token"}, identity.WorkloadIdentityCredential),
    ],
)
def test_the_settings_choose_the_identity(settings: dict[str, Any], kind: type) -> None:
    if settings.keys() - {"azure_client_id"}:
        settings = {**settings, "azure_tenant_id": "tenant", "azure_client_id": "client"}
    assert type(connect(AzureSettings(**settings), lambda: NOW).credential) is kind


@pytest.mark.parametrize("name", ["missing.pem", "server.pem"])
def test_a_certificate_that_cannot_be_used_is_told(authority: Authority, name: str) -> None:
    """One does not exist, the other has no RSA key."""
    settings = AzureSettings(
        azure_tenant_id="tenant",
        azure_client_id="client",
        azure_client_certificate=authority.certificate.with_name(name),
    )
    with pytest.raises(AzureRefusedError, match="the bot's identity in Azure"):
        connect(settings, lambda: NOW)


async def test_an_unknown_cluster_is_told(connection: ArmConnection) -> None:
    with pytest.raises(AzureRefusedError, match="404 ParentResourceNotFound"):
        await connection.list(CLUSTER.replace("one", "two"))


async def test_azure_without_a_trusted_certificate_is_not_believed(
    arm: Arm, tmp_path: Path
) -> None:
    connection = connected(arm, make_authority(tmp_path / "other"))
    with pytest.raises(AzureUnavailableError, match="certificate verify failed"):
        await connection.list(CLUSTER)
    connection.close()


async def test_after_429_nothing_is_sent_before_azure_says(
    connection: ArmConnection, arm: Arm
) -> None:
    arm.faults.append(Fault("GET", 429, "TooManyRequests", {"Retry-After": "17"}))
    for _ in range(2):
        with pytest.raises(AzureBusyError) as raised:
            await connection.list(CLUSTER)
        assert raised.value.retry_after == timedelta(seconds=17)
    assert len(arm.requests) == 1


async def test_a_request_waits_for_its_token(arm: Arm, authority: Authority) -> None:
    """Clusters of one pass share the bucket: what is over goes on a moment later."""
    now, waited = NOW, 0.0

    async def pause(seconds: float) -> None:
        nonlocal now, waited
        now, waited = now + timedelta(seconds=seconds), waited + seconds

    connection = connected(arm, authority)
    connection.clock = connection._budget.clock = lambda: now
    connection.pause = pause
    for _ in range(Operation.READ.size):
        connection._budget.spend("0000", Operation.READ)
    for _ in range(3):
        await connection.list(CLUSTER)
    assert waited == pytest.approx(3 / Operation.READ.per_second)
    connection.close()


def test_a_thousand_clusters_stay_within_the_limits_of_azure() -> None:
    """Each is read every minute and written once; Azure's own bucket never runs dry."""
    now = NOW
    budget = RequestBudget(lambda: now)
    due = dict.fromkeys(range(1000), (NOW, Operation.WRITE))
    sent: list[tuple[datetime, Operation]] = []
    while now < NOW + timedelta(minutes=5):
        for number, (at, operation) in list(due.items()):
            if at > now:
                continue
            wait = budget.spend("0000", operation)
            if wait is None:
                sent.append((now, operation))
                due[number] = (now + timedelta(seconds=60), Operation.READ)
            else:
                due[number] = (now + wait, operation)
        now += timedelta(seconds=1)
    for operation, size, per_second in ((Operation.READ, 250, 25), (Operation.WRITE, 200, 10)):
        times = [at for at, each in sent if each is operation]
        assert len(times) >= 1000
        for first in range(0, len(times), 50):
            for last in range(first, len(times), 50):
                span = (times[last] - times[first]).total_seconds()
                assert last - first + 1 <= size + span * per_second
    assert sum(1 for _, each in sent if each is Operation.WRITE) == 1000


def test_subscriptions_and_kinds_of_requests_have_buckets_of_their_own() -> None:
    budget = RequestBudget(lambda: NOW)
    for _ in range(200):
        assert budget.spend("a", Operation.WRITE) is None
    assert budget.spend("A", Operation.WRITE) == timedelta(seconds=0.1)
    assert budget.spend("a", Operation.DELETE) is None
    assert budget.spend("b", Operation.WRITE) is None
