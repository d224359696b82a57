"""`report`: tells the service, from inside a cluster, what the cluster's agent says."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.buckets import Bucket, BucketError
from bot.cli import event_loop
from bot.cli.errors import InputError
from bot.cli.reporter_objects import SERVICES
from bot.cli.settings import read_pod_settings, read_reporter_settings
from bot.clock import Clock, system_clock
from bot.clusters import (
    ClusterApi,
    ClusterError,
    Connection,
    Credentials,
    in_cluster_credentials,
    read_kubeconfig,
    read_watched,
    words_in,
)
from bot.documents.cluster_status import write_cluster_status
from bot.documents.facts import addresses_of
from bot.engine import discovery
from bot.logs import configure_logs
from bot.reporter import (
    DeliveryError,
    SignedDocument,
    push,
    put_into_bucket,
    signed,
    write_folder,
)
from bot.settings import ReporterSettings
from bot.terminal import write
from plugins import Agent, Watched, WatchedKind


def report(options: argparse.Namespace) -> int:
    """Read what the agent says, and take it to the service; print it where no way is named."""
    configure_logs()
    event_loop.run(send_report(options, system_clock))
    return 0


async def send_report(options: argparse.Namespace, clock: Clock) -> None:
    """Send the document of now.

    Raises:
        InputError: the options are wrong, the cluster cannot be read, or it did not arrive.
    """
    settings = read_reporter_settings(options)
    agent = discovery.agents().get(options.agent)
    if agent is None:
        known = ", ".join(discovery.agents())
        raise InputError(f"unknown agent {options.agent}; available: {known}")
    kinds = _watched_kinds(agent, options.watch)
    try:
        objects = await _read(options.cluster, kinds, options, _credentials(options))
        words = words_in(agent, options.cluster, objects.watched)
        addresses = addresses_of(objects.services) if options.addresses else None
        body = write_cluster_status(options.cluster, words, clock(), addresses)
        if options.push or options.bucket or options.out:
            await _deliver(options, settings, signed(options.cluster, body, _key(settings)), clock)
        else:
            write(f"{body.decode()}\n")
    except (BucketError, ClusterError, DeliveryError) as error:
        raise InputError(str(error)) from error


def _key(settings: ReporterSettings) -> str:
    if settings.status_key is None:
        raise InputError(
            "SWITCHYARD_STATUS_KEY: required; `switchyard report-key CLUSTER --status` prints it"
        )
    return settings.status_key.get_secret_value()


def _watched_kinds(agent: Agent, named: Sequence[str]) -> tuple[WatchedKind, ...]:
    """What to read of an agent: the kinds that are named, or those of one with usual settings.

    Raises:
        InputError: its objects say nothing, a name is none, or it has no usual settings.
    """
    watched: object = agent
    if not isinstance(watched, Watched):
        raise InputError(f"agent {agent.name} has no objects that say how it fares: see its guide")
    if named:
        return tuple(_watched_kind(each) for each in named)
    try:
        return watched.watched(agent.settings())
    except TypeError:
        raise InputError(
            f"agent {agent.name} has settings without a default: name what to read with --watch, "
            f"as `switchyard connect --reporter push` does"
        ) from None


def _watched_kind(text: str) -> WatchedKind:
    name, _, namespace = text.partition("/")
    match name.split(".", 2):
        case [kind, version, group] if kind and version and group:
            return WatchedKind(f"{group}/{version}", kind, namespace)
    raise InputError(f"--watch {text}: not of the form Kind.version.group/namespace")


def _credentials(options: argparse.Namespace) -> Credentials:
    if options.kubeconfig is not None:
        return read_kubeconfig(options.kubeconfig)
    return in_cluster_credentials(read_pod_settings())


@dataclass(frozen=True, slots=True)
class _Read:
    """The objects of a cluster that the document is made of."""

    watched: tuple[Mapping[str, Any], ...]
    services: tuple[Mapping[str, Any], ...]


async def _read(
    cluster: str,
    kinds: tuple[WatchedKind, ...],
    options: argparse.Namespace,
    credentials: Credentials,
) -> _Read:
    connection = Connection(cluster, credentials)
    try:
        api = ClusterApi(connection)
        objects = await read_watched(api, kinds)
        if not objects:
            # An agent that is not there has nothing to say; one without components says so.
            await api.resource(kinds[-1].api_version, kinds[-1].kind)
        services = await read_watched(api, (SERVICES,)) if options.addresses else ()
    finally:
        await connection.close()
    return _Read(objects, services)


async def _deliver(
    options: argparse.Namespace,
    settings: ReporterSettings,
    document: SignedDocument,
    clock: Clock,
) -> None:
    if options.push:
        await push(options.push, document, settings.service_ca_file)
    elif options.bucket:
        if not settings.status_bucket:
            raise InputError("SWITCHYARD_STATUS_BUCKET: required with --bucket")
        bucket = Bucket(settings, clock)
        try:
            await put_into_bucket(bucket, document)
        finally:
            await bucket.close()
    else:
        write_folder(options.out, document)
