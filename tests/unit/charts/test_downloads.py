"""Which addresses may be connected to, and what counts as another host."""

import pytest

from bot.charts.downloads import _matches
from bot.outbound.client import is_permitted

PUBLIC = ("93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:93.184.215.14")
PRIVATE = ("10.0.0.1", "172.16.0.1", "192.168.1.1", "127.0.0.1", "::1", "fd00::1", "100.64.0.1")
NEVER = (
    *("169.254.169.254", "fe80::1", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255"),
    *("::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::", "2001:0:a9fe:a9fe::"),
)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_permitted(address: str) -> None:
    assert is_permitted(address, private=False)


@pytest.mark.parametrize("address", [*PRIVATE, "::ffff:10.0.0.1", "64:ff9b::a00:1"])
def test_a_private_address_is_permitted_where_it_is_named(address: str) -> None:
    assert not is_permitted(address, private=False)
    assert is_permitted(address, private=True)


@pytest.mark.parametrize("address", NEVER)
def test_some_addresses_are_never_permitted(address: str) -> None:
    assert not is_permitted(address, private=False)
    assert not is_permitted(address, private=True)


@pytest.mark.parametrize(
    ("host", "pattern", "matches"),
    [
        ("cdn.example.com", "cdn.example.com", True),
        ("cdn.example.com", "*.example.com", True),
        ("a.cdn.example.com", "*.example.com", True),
        ("example.com", "*.example.com", False),
        ("evilexample.com", "*.example.com", False),
        ("cdn.example.com.evil.net", "cdn.example.com", False),
    ],
)
def test_a_pattern_stands_for_hosts_below_it(host: str, pattern: str, matches: bool) -> None:
    assert _matches(host, pattern) is matches
