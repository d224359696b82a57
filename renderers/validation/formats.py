"""Formats of texts: names, keys, ports, addresses, schedules.

Sources: k8s.io/apimachinery/pkg/util/validation; k8s.io/apimachinery/pkg/api/validation;
github.com/robfig/cron ("Predefined schedules", "Intervals") for schedules.
"""

import re
from collections.abc import Callable
from ipaddress import ip_address, ip_network

from planners.model import Json
from renderers.validation.checks import (
    PORT_NUMBER,
    Check,
    Place,
    Violations,
    integer,
    text,
)

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LETTER_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_QUALIFIED = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_ENV = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
_PRINTABLE = re.compile(r"[ -<>-~]+")
_PORT = re.compile(r"[a-z0-9-]+")
_PERCENT = re.compile(r"[0-9]+%")
_EVERY = re.compile(r"@every ([0-9.]+(ns|us|µs|ms|s|m|h))+")
_SHORT, _LONG = 63, 253
_PORT_LENGTH = 15
_TOO_LARGE = 2**31
_RELAXED_ENV, _RELAXED_SERVICES = 32, 36  # minor versions: feature gates of the API server
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_CRON = (
    (0, 59, ()),
    (0, 23, ()),
    (1, 31, ()),
    (1, 12, tuple(_MONTHS)),
    (0, 6, tuple(_DAYS)),
)
_PREDEFINED = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")

_LABEL_RULE = (
    "must be at most 63 lower-case letters, digits and '-', with a letter or digit at both ends"
)
_LETTER_RULE = "must be at most 63 lower-case letters, digits and '-', and begin with a letter"
_SUBDOMAIN_RULE = (
    "must be at most 253 lower-case letters, digits, '-' and '.', with a letter or digit at both "
    "ends of each part"
)
_KEY_RULE = "must be a label key: [prefix/]name, with letters, digits, '-', '_' and '.', at most 63"
_VALUE_RULE = "must be a label value: at most 63 letters, digits, '-', '_' and '.'"


def _format(valid: Callable[[str], bool], message: str) -> Check:
    def check(value: Json, place: Place) -> Violations:
        if isinstance(value, str) and not valid(value):
            yield place.violation(message)

    return check


def is_label(value: str) -> bool:
    """Whether a text is a DNS label (RFC 1123)."""
    return len(value) <= _SHORT and _LABEL.fullmatch(value) is not None


def is_subdomain(value: str) -> bool:
    """Whether a text is a DNS subdomain (RFC 1123)."""
    return len(value) <= _LONG and _SUBDOMAIN.fullmatch(value) is not None


def is_qualified(value: str) -> bool:
    """Whether a text is a label key: `[prefix/]name`."""
    prefix, slash, name = value.rpartition("/")
    return (not slash or is_subdomain(prefix)) and _is_short(name)


def _is_short(name: str) -> bool:
    return len(name) <= _SHORT and _QUALIFIED.fullmatch(name) is not None


def is_config_key(value: str) -> bool:
    """Whether a text may be a key of a ConfigMap or Secret."""
    return (
        len(value) <= _LONG
        and _CONFIG_KEY.fullmatch(value) is not None
        and value != "."
        and not value.startswith("..")
    )


def _is_letter_label(value: str) -> bool:
    return len(value) <= _SHORT and _LETTER_LABEL.fullmatch(value) is not None


def _is_port_name(value: str) -> bool:
    return (
        len(value) <= _PORT_LENGTH
        and _PORT.fullmatch(value) is not None
        and any(each.isalpha() for each in value)
        and "--" not in value
        and not value.startswith("-")
        and not value.endswith("-")
    )


def _is_path_segment(value: str) -> bool:
    return value not in {".", ".."} and not {"/", "%"} & set(value)


def _is_wildcard(value: str) -> bool:
    return is_subdomain(value.removeprefix("*."))


def _is_address(value: str) -> bool:
    try:
        ip_address(value)
    except ValueError:
        return False
    return True


def _is_network(value: str) -> bool:
    try:
        ip_network(value, strict=False)
    except ValueError:
        return False
    return "/" in value


def _is_schedule(value: str) -> bool:
    if value.startswith("@"):
        return value in _PREDEFINED or _EVERY.fullmatch(value) is not None
    parts = value.split()
    return len(parts) == len(_CRON) and all(map(_is_cron_field, parts, _CRON))


def _is_cron_field(field: str, bounds: tuple[int, int, tuple[str, ...]]) -> bool:
    return all(_is_cron_range(part, *bounds) for part in field.split(","))


def _is_cron_range(part: str, least: int, most: int, names: tuple[str, ...]) -> bool:
    span, slash, step = part.partition("/")
    if slash and not (step.isascii() and step.isdigit() and int(step) > 0):
        return False
    if span in {"*", "?"}:
        return True
    ends = [_cron_number(each, least, names) for each in span.split("-")]
    numbers = [each for each in ends if each is not None]
    return len(numbers) == len(ends) <= 2 and least <= numbers[0] <= numbers[-1] <= most  # noqa: PLR2004 - first and last


def _cron_number(value: str, least: int, names: tuple[str, ...]) -> int | None:
    if value.lower() in names:
        return names.index(value.lower()) + least
    return int(value) if value.isascii() and value.isdigit() else None


DNS_LABEL = _format(is_label, _LABEL_RULE)
LETTER_LABEL = _format(_is_letter_label, _LETTER_RULE)
SUBDOMAIN = _format(is_subdomain, _SUBDOMAIN_RULE)
PATH_SEGMENT = _format(_is_path_segment, "must not be '.' or '..' or contain '/' or '%'")
LABEL_KEY = _format(is_qualified, _KEY_RULE)
LABEL_VALUE = _format(lambda value: not value or _is_short(value), _VALUE_RULE)
PORT_NAME = _format(
    _is_port_name,
    "must be a port name: at most 15 lower-case letters, digits and single '-', with a letter",
)
HOST_OR_ADDRESS = _format(_is_wildcard, "must be a host in lower case, such as shop.example.com")
SEARCH_DOMAIN = _format(
    lambda value: value == "." or is_subdomain(value.removesuffix(".").replace("_", "x")),
    "must be a domain, such as example.com",
)
WILDCARD_HOST = _format(
    lambda value: _is_wildcard(value) and not _is_address(value),
    "must be a host in lower case, such as shop.example.com or *.shop.example.com",
)
IP_ADDRESS = _format(_is_address, "must be an IP address")
NETWORK = _format(_is_network, "must be a network such as 10.0.0.0/8")
SCHEDULE = _format(
    _is_schedule, "must be a cron schedule of five fields, such as 30 4 * * 1-5, or @daily"
)
ABSOLUTE_PATH = _format(lambda value: value.startswith("/"), "must begin with /")


def env_name(value: Json, place: Place) -> Violations:
    """The name of an environment variable; since 1.32 any printable ASCII without `=`."""
    if not isinstance(value, str):
        return
    if place.minor >= _RELAXED_ENV:
        valid = _PRINTABLE.fullmatch(value) is not None
    else:
        dots = value == "." or value.startswith("..")
        valid = _ENV.fullmatch(value) is not None and not dots
    if not valid:
        yield place.violation("must be the name of an environment variable, such as LOG_LEVEL")


def service_name(value: Json, place: Place) -> Violations:
    """The name of a Service; it may begin with a digit since 1.36."""
    check = DNS_LABEL if place.minor >= _RELAXED_SERVICES else LETTER_LABEL
    yield from check(value, place)


def port(value: Json, place: Place) -> Violations:
    """The number or name of a port."""
    yield from (PORT_NAME if isinstance(value, str) else PORT_NUMBER)(value, place)


def count_or_percent(value: Json, place: Place) -> Violations:
    """A number of at least 0 or a percentage."""
    number = integer(value)
    wrong = (number is not None and not 0 <= number < _TOO_LARGE) or (
        isinstance(value, str) and not _PERCENT.fullmatch(value)
    )
    if wrong:
        yield place.violation("must be a number of at least 0, or a percentage such as 25%")


def at_most_all(value: Json, place: Place) -> Violations:
    """As `count_or_percent`, and at most 100%."""
    yield from count_or_percent(value, place)
    if _PERCENT.fullmatch(text(value)) and int(text(value)[:-1]) > 100:  # noqa: PLR2004 - percent
        yield place.violation("must be at most 100%")
