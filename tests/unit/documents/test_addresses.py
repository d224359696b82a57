"""Addresses among reported facts, and those that are merged."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import ValidationError

from bot.documents.addresses import with_addresses
from bot.documents.facts import MAX_ADDRESSES, MAX_SERVICES, read_facts
from planners.model import Cluster, Revision, Unit
from planners.model.addresses import ServicePlace
from planners.model.connectivity import Callee, Caller, ConnectivityIntent
from planners.model.fleet_files import FleetFiles
from planners.model.snapshot import Change, DeployBase, PeerApplication, Snapshot
from renderers import yaml
from tests.fakes.builders import DEPLOY, NOW, application, snapshot

NO_HOST = (
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3", "169.254.169.254", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "::1", "::", "fe80::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:192.0.2.1",
    "64:ff9b::7f00:1", "fe80::1%eth0", "192.0.2.010", "192.0.2.1/32", "3221225985", "2001:DB8::1",
    "2001:db8:0::1", "localhost", "*.example.com", "Example.com", "example.com.", "-a.example.com",
    "a b", "", "1.2.3.4.5", f"{'a.' * 127}com",
)  # fmt: skip
PAYMENT = ServicePlace("eu-1", "shop", "payment")
AT = "2026-11-28T12:00:00Z"


def facts(*addresses: str, services: int = 1) -> dict[str, object]:
    found = {f"s{number}": list(addresses) for number in range(services)}
    return {"eu-1": {"at": AT, "addresses": {"shop": found}}}


@pytest.mark.parametrize("text", NO_HOST)
def test_what_is_no_address_of_a_host_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="invalid address"):
        read_facts(facts(text))


@pytest.mark.parametrize(
    "text", ["192.0.2.1", "10.0.0.1", "172.16.0.9", "fd00::1", "2001:db8::1", "a-1.example.com"]
)
def test_any_other_one_is_taken(text: str) -> None:
    assert read_facts(facts(text))["eu-1"].addresses == {"shop": {"s0": (text,)}}


def test_their_number_is_limited() -> None:
    many = [f"192.0.2.{number}" for number in range(MAX_ADDRESSES + 1)]
    read_facts(facts(*many[1:]))
    read_facts(facts("192.0.2.1", services=MAX_SERVICES))
    for report in (
        facts(),
        facts(*many),
        facts("192.0.2.1", services=MAX_SERVICES + 1),
        {"eu-1": {"at": AT, "addresses": {f"n{it}": {} for it in range(MAX_SERVICES + 1)}}},
    ):
        with pytest.raises(ValidationError):
            read_facts(report)


def test_of_several_merged_addresses_the_one_that_was_merged_last_counts() -> None:
    made = calling(
        {"eu-2": ("192.0.2.2", timedelta(hours=2)), "eu-3": ("192.0.2.3", timedelta(hours=1))}
    )
    assert with_addresses(made, {}, content).addresses == {PAYMENT: ("192.0.2.3",)}
    told = {"eu-1": {"shop": {"payment": ("192.0.2.9",)}}}
    assert with_addresses(made, told, content).addresses == {PAYMENT: ("192.0.2.9",)}
    assert with_addresses(made, {"eu-1": {}}, content).addresses == {PAYMENT: ("192.0.2.3",)}


def test_what_others_wrote_there_says_nothing() -> None:
    made = calling({"eu-2": ("127.0.0.1", timedelta()), "eu-3": ("nothing", timedelta())})
    assert with_addresses(made, {}, content).addresses == {}


def test_addresses_of_other_applications_are_read_in_their_namespaces() -> None:
    item = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "payment"}}
    peer = PeerApplication("money", "bank", objects={Unit("payment", "eu-1"): (item,)})
    told = {"eu-1": {"bank": {"payment": ("192.0.2.9",)}, "other": {"x": ("192.0.2.8",)}}}

    made = calling({}, peers={"bank": peer})
    assert with_addresses(made, told, content).addresses == {
        ServicePlace("eu-1", "bank", "payment"): ("192.0.2.9",)
    }
    assert with_addresses(calling({}), told, content).addresses == {}


def content(blob: str) -> bytes:
    """The EndpointSlice with an address, or what is none."""
    address = bytes.fromhex(blob).decode().strip()
    if address == "nothing":
        return b"kind: [EndpointSlice\n"
    notes = {"switchyard.dev/address-of": "eu-1/shop/payment"}
    item = {"metadata": {"annotations": notes}, "endpoints": [{"addresses": [address]}]}
    return yaml.dump(item)  # type: ignore[arg-type]


def calling(
    merged: Mapping[str, tuple[str, timedelta]],
    peers: Mapping[str, PeerApplication] | None = None,
) -> Snapshot:
    """An application whose cart calls payment; `merged` has its addresses and their age."""
    file = "apps/shop/storefront/cart/endpointslice-connect-cart-to-payment-eu-1-ipv4.yaml"
    entries = {
        Unit("cart", name): {f"clusters/{name}/{file}": f"{address:20}".encode().hex()}
        for name, (address, _) in merged.items()
    }
    changes = {
        Unit("cart", name): Change("1" * 40, NOW - age, "switchyard", None)
        for name, (_, age) in merged.items()
    }
    call = ConnectivityIntent(Caller("cart"), Callee("payment"))
    return replace(
        snapshot(replace(application(), connectivity=(call,)), (Cluster("eu-1", "flux"),)),
        base=DeployBase(Revision(DEPLOY, "0" * 40), FleetFiles.of(entries), changes),
        peers=peers or {},
    )
