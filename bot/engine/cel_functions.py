"""Functions that Kubernetes adds to CEL: quantities, lists, addresses and URLs.

Source: Kubernetes documentation, "Common Expression Language in Kubernetes", and
k8s.io/apiserver/pkg/cel/library. A value that a function cannot take makes the rule fail, as in the
API server (`WRONG_VALUE`). Where it is not certain how Go would read a URL, the rule is not
evaluated. Quantities, addresses and URLs are maps with one key, since the library takes no types of
its own.
"""

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, TypeAlias

from planners.model import quantities

WRONG_VALUE = "a value that the function does not take"
UNIT = 10**9
_MOST = 2**63
_QUANTITY, _IP, _CIDR, _URL = "quantity", "ip", "cidr", "url"
_PLAIN_URL = re.compile(
    r"(?:(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*)://(?P<host>(?P<name>[a-zA-Z0-9.-]+)(?::(?P<port>\d{1,5}))?))?"
    r"(?P<path>(?:/[a-zA-Z0-9._~-]*)*)"
)
_ABSOLUTE = re.compile(r"/|[a-zA-Z][a-zA-Z0-9+.-]*:")

Held: TypeAlias = dict[str, str]


class UnclearError(ValueError):
    """It is not certain what the API server would make of a value."""


def _wrong() -> ValueError:
    return ValueError(WRONG_VALUE)


def _is(make: Callable[[str], object]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            make(text)
        except UnclearError:
            raise
        except ValueError:
            return False
        return True

    return check


def _quantity(text: str) -> Held:
    try:
        return {_QUANTITY: str(quantities.parse(text))}
    except ValueError:
        raise _wrong() from None


def _nanos(held: Held) -> int:
    if held.keys() != {_QUANTITY}:
        raise _wrong()
    return int(held[_QUANTITY])


def _held(nanos: int) -> Held:
    return {_QUANTITY: str(nanos)}


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


def _is_integer(held: Held) -> bool:
    nanos = _nanos(held)
    return nanos % UNIT == 0 and -_MOST <= nanos // UNIT < _MOST


def _as_integer(held: Held) -> int:
    if not _is_integer(held):
        raise _wrong()
    return _nanos(held) // UNIT


def _ip(text: str) -> Held:
    """An address without zone, and no IPv4 address in IPv6 form."""
    try:
        found = ip_address(text)
    except ValueError:
        raise _wrong() from None
    if "%" in text or (isinstance(found, IPv6Address) and found.ipv4_mapped):
        raise _wrong()
    return {_IP: str(found)}


def _network(text: str) -> IPv4Network | IPv6Network:
    address, slash, bits = text.partition("/")
    try:
        if not slash or not bits.isdigit() or str(int(bits)) != bits:
            raise _wrong()
        _ip(address)
        return ip_network(text, strict=False)
    except ValueError:
        raise _wrong() from None


def _cidr(text: str) -> Held:
    _network(text)
    return {_CIDR: text}


def _contains_ip(held: Held, address: Held | str) -> bool:
    text = address if isinstance(address, str) else address[_IP]
    found, network = ip_address(_ip(text)[_IP]), _network(held[_CIDR])
    return found.version == network.version and found in network


def _contains_cidr(held: Held, other: Held | str) -> bool:
    outer = _network(held[_CIDR])
    inner = _network(other if isinstance(other, str) else other[_CIDR])
    if isinstance(outer, IPv4Network):
        return isinstance(inner, IPv4Network) and inner.subnet_of(outer)
    return isinstance(inner, IPv6Network) and inner.subnet_of(outer)


def _url(text: str) -> Held:
    """A URL whose parts Go and this pattern see alike; anything else absolute is unclear."""
    found = _PLAIN_URL.fullmatch(text)
    if text and found is not None:
        return {_URL: text, **{key: value or "" for key, value in found.groupdict().items()}}
    if _ABSOLUTE.match(text):
        raise UnclearError("it is about a URL with unusual parts")
    raise _wrong()


def _part(name: str) -> Callable[[Held], str]:
    return lambda held: held[name]


def _sorted(items: list[Any]) -> bool:
    _same_kind(items)
    return all(left <= right for left, right in itertools.pairwise(items))


def _extreme(choose: Callable[[list[Any]], Any]) -> Callable[[list[Any]], Any]:
    def find(items: list[Any]) -> Any:
        if not items:
            raise _wrong()
        _same_kind(items)
        return choose(items)

    return find


def _same_kind(items: Sequence[object]) -> None:
    """Only values of one type can be compared; whole numbers may stand among doubles."""
    kinds = {float if type(item) is int else type(item) for item in items}
    if len(kinds) > 1 or not kinds <= {float, str, bool, bytes}:
        raise _wrong()


def _sum(items: list[Any]) -> Any:
    if not all(type(item) in {int, float} for item in items):
        raise _wrong()
    return sum(items)


@dataclass(frozen=True, slots=True)
class _Function:
    """One overload of a function; a member is called on its first parameter."""

    name: str
    returned: Any
    parameters: tuple[Any, ...]
    make: Callable[..., object]
    is_member: bool = True


@dataclass(frozen=True, slots=True)
class _Types:
    """The types of CEL that the functions take; `held` is a quantity, address or URL."""

    text: Any
    held: Any
    flag: Any
    whole: Any
    double: Any
    many: Any
    any: Any

    @classmethod
    def of(cls, types: Any) -> "_Types":
        """From the types of the library."""
        return cls(
            text=types.STRING,
            held=types.Map(types.STRING, types.STRING),
            flag=types.BOOL,
            whole=types.INT,
            double=types.DOUBLE,
            many=types.List(types.DYN),
            any=types.DYN,
        )


def _for_quantities(t: _Types) -> Iterator[_Function]:
    one, two = (t.held,), (t.held, t.held)
    yield _Function("isQuantity", t.flag, (t.text,), _is(_quantity), is_member=False)
    yield _Function("quantity", t.held, (t.text,), _quantity, is_member=False)
    yield _Function("sign", t.whole, one, lambda a: _sign(_nanos(a)))
    yield _Function("isInteger", t.flag, one, _is_integer)
    yield _Function("asInteger", t.whole, one, _as_integer)
    yield _Function("asApproximateFloat", t.double, one, lambda a: _nanos(a) / UNIT)
    yield _Function("isGreaterThan", t.flag, two, lambda a, b: _nanos(a) > _nanos(b))
    yield _Function("isLessThan", t.flag, two, lambda a, b: _nanos(a) < _nanos(b))
    yield _Function("compareTo", t.whole, two, lambda a, b: _sign(_nanos(a) - _nanos(b)))
    for number, amount in ((t.held, _nanos), (t.whole, lambda whole: whole * UNIT)):
        yield _Function("add", t.held, (t.held, number), _added(amount, 1))
        yield _Function("sub", t.held, (t.held, number), _added(amount, -1))


def _added(amount: Callable[[Any], int], sign: int) -> Callable[[Held, Any], Held]:
    return lambda left, right: _held(_nanos(left) + sign * amount(right))


def _for_addresses(t: _Types) -> Iterator[_Function]:
    yield _Function("isIP", t.flag, (t.text,), _is(_ip), is_member=False)
    yield _Function("ip", t.held, (t.text,), _ip, is_member=False)
    yield _Function("family", t.whole, (t.held,), lambda a: ip_address(a[_IP]).version)
    yield _Function("isCIDR", t.flag, (t.text,), _is(_cidr), is_member=False)
    yield _Function("cidr", t.held, (t.text,), _cidr, is_member=False)
    yield _Function("prefixLength", t.whole, (t.held,), lambda a: _network(a[_CIDR]).prefixlen)
    for other in (t.held, t.text):
        yield _Function("containsIP", t.flag, (t.held, other), _contains_ip)
        yield _Function("containsCIDR", t.flag, (t.held, other), _contains_cidr)


def _for_urls(t: _Types) -> Iterator[_Function]:
    yield _Function("isURL", t.flag, (t.text,), _is(_url), is_member=False)
    yield _Function("url", t.held, (t.text,), _url, is_member=False)
    yield _Function("getScheme", t.text, (t.held,), _part("scheme"))
    yield _Function("getHost", t.text, (t.held,), _part("host"))
    yield _Function("getHostname", t.text, (t.held,), _part("name"))
    yield _Function("getPort", t.text, (t.held,), _part("port"))
    yield _Function("getEscapedPath", t.text, (t.held,), _part("path"))


def _for_lists(t: _Types) -> Iterator[_Function]:
    yield _Function("isSorted", t.flag, (t.many,), _sorted)
    yield _Function("sum", t.any, (t.many,), _sum)
    yield _Function("min", t.any, (t.many,), _extreme(min))
    yield _Function("max", t.any, (t.many,), _extreme(max))


_FAMILIES = (_for_quantities, _for_addresses, _for_urls, _for_lists)


def names() -> list[str]:
    """The names of the functions, for the reference."""
    nothing = _Types(*(None for _ in fields(_Types)))
    return sorted({each.name for family in _FAMILIES for each in family(nothing)})


def declarations(cel: Any) -> list[Any]:
    """The functions for an environment of the module `cel`."""
    types = _Types.of(cel.Type)
    overloads: dict[str, list[Any]] = {}
    for family in _FAMILIES:
        for each in family(types):
            known = overloads.setdefault(each.name, [])
            name = f"switchyard_{each.name}_{len(known)}"
            known.append(
                cel.Overload(name, each.returned, list(each.parameters), each.is_member, each.make)
            )
    return [cel.FunctionDecl(name, found) for name, found in overloads.items()]
