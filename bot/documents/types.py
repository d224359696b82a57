"""Types that documents share: names, durations, repositories, quantities, selectors."""

import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from ipaddress import ip_network
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, PydanticCustomError

from bot.documents import schema_rules as rules
from bot.engine import discovery
from planners.model import Repo, quantities
from planners.model.selectors import LabelRequirement, Selector
from planners.placement.scores import key_of

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_KEY = re.compile(r"([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_DURATION = re.compile(r"(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?")
_LONGEST = timedelta(days=3650)
_REPO = re.compile(r"([a-z0-9-]+):([A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)+)")
_REPO_TEXT = re.compile(
    rf"(?:{'|'.join(discovery.forge_names())}):{_REPO.pattern.partition(':')[2]}"
)
_PERCENT = re.compile(r"([1-9][0-9]?|100)%")
_DATA_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_VERSION = re.compile(r"v?(1\.[0-9]{1,3})(\.[0-9]{1,3})?([-+][0-9A-Za-z.+-]{1,64})?")
_API_VERSION = re.compile(
    r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/v[0-9]{1,3}((alpha|beta)[0-9]{1,3})?(/[A-Z][A-Za-z0-9]{0,62})?"
)
_HOUR = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_HOST = re.compile(
    r"\*|(\*\.)?[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*"
)
_ZONE = re.compile(r"[A-Za-z0-9_+-]{1,64}(/[A-Za-z0-9_+-]{1,64}){0,2}")
_FOLDER = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")


def invalid(message: str) -> PydanticCustomError:
    """A validation error with that message."""
    return PydanticCustomError("switchyard", "{message}", {"message": message})


def _name(value: str) -> str:
    if not _LABEL.fullmatch(value):
        raise invalid(
            f"invalid name {value!r}; expected at most 63 lower-case letters, digits and '-'"
        )
    return value


def _label_key(value: str) -> str:
    if not _KEY.fullmatch(value):
        raise invalid(f"invalid label key {value!r} (Kubernetes: [prefix/]name, at most 63)")
    return value


def _label_value(value: str) -> str:
    if not _VALUE.fullmatch(value):
        raise invalid(
            f"invalid label value {value!r} (Kubernetes: letters, digits, '-_.', at most 63)"
        )
    return value


def _duration(value: Any) -> timedelta:
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None or not value:
        raise invalid(f"invalid duration {value!r}; expected e.g. 30s, 15m or 1h30m")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    duration = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if duration > _LONGEST:
        raise invalid(f"invalid duration {value!r}; expected at most 87600h (ten years)")
    return duration


def _repo(value: Any) -> Repo:
    match = _REPO.fullmatch(value) if isinstance(value, str) else None
    known = discovery.forge_names()
    if match is None:
        raise invalid(
            f"invalid repository {value!r}; expected forge:group/name, e.g. {known[0]}:group/name"
        )
    if match[1] not in known:
        raise invalid(f"unknown forge {match[1]!r}; expected one of {', '.join(known)}")
    return Repo(match[1], match[2])


def _moment(value: Any) -> datetime:
    try:
        found = datetime.fromisoformat(value)
        found.astimezone(UTC)
    except (OverflowError, TypeError, ValueError):
        found = None
    if found is None or found.tzinfo is None:
        raise invalid(f"invalid time {value!r}; expected RFC 3339, e.g. 2026-12-24T18:00:00Z")
    return found


def _at_once(value: Any) -> int | str:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    if isinstance(value, str) and _PERCENT.fullmatch(value):
        return value
    raise invalid(f"invalid number {value!r}; expected 1 or more, or a percentage, e.g. 25%")


def folder(value: str) -> str:
    """A folder of a repository; `.` is the empty path."""
    if value == ".":
        return ""
    if not _FOLDER.fullmatch(value) or ".." in value.split("/"):
        raise invalid(
            f"invalid folder {value!r}; expected a path in the repository, e.g. deploy/cart"
        )
    return value


def _file(value: str) -> str:
    if not _FOLDER.fullmatch(value) or {".", ".."} & set(value.split("/")):
        raise invalid(
            f"invalid file {value!r}; expected a path in the repository, e.g. config/app.yaml"
        )
    return value


def _data_key(value: str) -> str:
    if not _DATA_KEY.fullmatch(value):
        raise invalid(f"invalid ConfigMap key {value!r} (Kubernetes: letters, digits, '-_.')")
    return value


def _failures(value: Any) -> int | str:
    return 0 if value == 0 and not isinstance(value, bool) else _at_once(value)


def _how_many(value: Any) -> int | str:
    if value == "all":
        return "all"
    try:
        return _at_once(value)
    except PydanticCustomError:
        message = f"invalid count {value!r}; expected 1 or more, a percentage, e.g. 50%, or all"
        raise invalid(message) from None


def _number(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not -sys.float_info.max <= value <= sys.float_info.max:
        raise invalid(f"invalid number {value!r}; expected e.g. 12 or 0.5")
    return float(value)


def _host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise invalid(
            f"invalid host {value!r}; expected one like shop.example.com or *.shop.example.com, in "
            f"lower case"
        )
    return value


def _address(value: str) -> str:
    if not _HOST.fullmatch(value) or "*" in value:
        raise invalid(
            f"invalid address {value!r}; expected an IPv4 address, or the name of a host in lower "
            f"case; without a port"
        )
    return value


def _cidr(value: str) -> str:
    try:
        return str(ip_network(value))
    except ValueError:
        raise invalid(
            f"invalid network {value!r}; expected e.g. 203.0.113.0/24, without host bits"
        ) from None


def _quantity(value: Any) -> int:
    try:
        amount = quantities.parse(value)
    except ValueError as error:
        raise invalid(str(error)) from None
    if amount < 0:
        raise invalid(f"invalid quantity {value!r}; expected one that is not below zero")
    return amount


def _quantity_text(value: Any) -> str:
    _quantity(value)
    return str(value)


def _minor_version(value: Any) -> str:
    """The minor version of a version such as `v1.31.4+k3s1`, as `kubectl version` prints it."""
    match = _VERSION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise invalid(
            f'invalid Kubernetes version {value!r}; expected a quoted version, e.g. "1.31"'
        )
    return match[1]


def _api_version(value: str) -> str:
    if not _API_VERSION.fullmatch(value):
        raise invalid(
            f"invalid API version {value!r}; expected e.g. monitoring.coreos.com/v1/ServiceMonitor"
        )
    return value


def _hour(value: Any) -> time:
    if not isinstance(value, str) or not _HOUR.fullmatch(value):
        raise invalid(f'invalid time of day {value!r}; expected a quoted time, e.g. "22:30"')
    return time.fromisoformat(value)


def _timezone(value: str) -> str:
    """An IANA name: at most three words, since ZoneInfo imports a package for each."""
    unknown = invalid(f"unknown time zone {value!r}; expected an IANA name, e.g. Europe/Berlin")
    if not _ZONE.fullmatch(value):
        raise unknown
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise unknown from None
    return value


def _preference(value: str) -> str:
    name, slash, subject = value.partition("/")
    known = discovery.scores()
    if name not in known or bool(known[name].subject) != bool(subject) or (slash and not subject):
        keys = ", ".join(map(key_of, known.values()))
        raise invalid(f"unknown score {value!r}; expected one of {keys}")
    return value


def _score_keys() -> re.Pattern[str]:
    """The keys of `prefer`: a score, and its subject where it has one."""
    subjects = ((each.name, "/.+" if each.subject else "") for each in discovery.scores().values())
    return re.compile("|".join(f"{re.escape(name)}{subject}" for name, subject in subjects))


def text(pattern: re.Pattern[str], ending: str = "") -> WithJsonSchema:
    """In a JSON Schema: text that the pattern matches as a whole, with that ending."""
    return WithJsonSchema({"type": "string", "pattern": f"^(?:{pattern.pattern}){ending}$"})


def _count(least: int, *texts: str) -> WithJsonSchema:
    """In a JSON Schema: an integer, or text."""
    text = {"type": "string", "pattern": f"^(?:{'|'.join([_PERCENT.pattern, *texts])})$"}
    return WithJsonSchema({"anyOf": [{"type": "integer", "minimum": least}, text]})


_AMOUNT = WithJsonSchema(
    {
        "anyOf": [
            {"type": "string", "pattern": f"^(?!-)(?:{quantities.PATTERN})$"},
            {"type": "number", "minimum": 0},
        ]
    }
)
_FOLDER_TEXT = re.compile(rf"(?!(?:.*/)?\.\.(?:/|$)){_FOLDER.pattern}")
_FILE_TEXT = re.compile(rf"(?!(?:.*/)?\.\.?(?:/|$)){_FOLDER.pattern}")
_CIDR_TEXT = re.compile(r"[0-9A-Fa-f:.]+(?:%[^/]+)?(?:/[0-9.]+)?")
_MOMENT_TEXT = re.compile(r"[0-9]{4}.+(?:[Zz]|[+-][0-9:.]+)")


@dataclass(frozen=True, slots=True)
class RefersTo:
    """Marks the type of a name: it must be that of something which the fleet has."""

    what: Literal["cluster", "tenant", "application", "cluster label"]


Name = Annotated[str, AfterValidator(_name), text(_LABEL)]
ClusterName = Annotated[Name, RefersTo("cluster")]
TenantName = Annotated[Name, RefersTo("tenant")]
ApplicationName = Annotated[Name, RefersTo("application")]
Duration = Annotated[
    timedelta, BeforeValidator(_duration), text(re.compile(f"(?=.){_DURATION.pattern}"))
]
RepoName = Annotated[Repo, BeforeValidator(_repo), text(_REPO_TEXT)]
Moment = Annotated[datetime, BeforeValidator(_moment), text(_MOMENT_TEXT)]
AtOnce = Annotated[int | str, BeforeValidator(_at_once), _count(1)]
Failures = Annotated[int | str, BeforeValidator(_failures), _count(0)]
File = Annotated[str, AfterValidator(_file), text(_FILE_TEXT)]
DataKey = Annotated[str, AfterValidator(_data_key), text(_DATA_KEY)]
HowMany = Annotated[int | str, BeforeValidator(_how_many), _count(1, "all")]
Number = Annotated[float, BeforeValidator(_number)]
Quantity = Annotated[int, BeforeValidator(_quantity), _AMOUNT]
Quantities = dict[str, Quantity]
QuantityText = Annotated[str, BeforeValidator(_quantity_text), _AMOUNT]
QuantityTexts = dict[str, QuantityText]
ApiVersion = Annotated[str, AfterValidator(_api_version), text(_API_VERSION)]
MinorVersion = Annotated[str, BeforeValidator(_minor_version), text(_VERSION)]
Cidr = Annotated[str, AfterValidator(_cidr), text(_CIDR_TEXT)]
HostAddress = Annotated[
    str, AfterValidator(_address), text(re.compile(f"(?!.*\\*)(?:{_HOST.pattern})"))
]
HostPattern = Annotated[str, AfterValidator(_host), text(_HOST)]
Hour = Annotated[time, BeforeValidator(_hour), text(_HOUR)]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Timezone = Annotated[str, AfterValidator(_timezone), text(_ZONE)]
ServerAddress = Annotated[str, Field(pattern=r"^https?://[a-z0-9.-]+(:[0-9]{1,5})?$")]
Preference = Annotated[str, AfterValidator(_preference), text(_score_keys())]
Folder = Annotated[str, AfterValidator(folder), text(_FOLDER_TEXT)]
LabelKey = Annotated[str, AfterValidator(_label_key), text(_KEY)]
ClusterLabel = Annotated[LabelKey, RefersTo("cluster label")]
LabelValue = Annotated[str, AfterValidator(_label_value), text(_VALUE)]
Labels = dict[LabelKey, LabelValue]


class Part(BaseModel):
    """A part of a document: camel-case keys, no unknown keys, no conversion of types."""

    model_config = ConfigDict(
        defer_build=True,  # a part is built within its document, not once more on its own
        extra="forbid",
        strict=True,
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=False,
        hide_input_in_errors=True,
    )

    may_be_text: ClassVar[bool] = False
    """Whether text stands for the whole, by a validator of its own."""

    @classmethod
    def json_rules(cls) -> tuple[rules.Schema, ...]:
        """What JSON Schema can say of the rules between keys that validators enforce."""
        return ()

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> rules.Schema:
        made = handler(schema)
        if cls.json_rules():
            handler.resolve_ref_schema(made)["allOf"] = list(cls.json_rules())
        return {"anyOf": [{"type": "string"}, made]} if cls.may_be_text else made


class MatchExpression(Part):
    """One requirement on a label (Kubernetes: matchExpressions)."""

    key: LabelKey = Field(description="Key of the label.")
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"] = Field(
        description="Comparison of the label's value."
    )
    values: list[str] = Field(
        default_factory=list, description="Values for In and NotIn; empty for the others."
    )

    @classmethod
    def json_rules(cls) -> tuple[rules.Schema, ...]:
        """In and NotIn take values, the others none."""
        takes_values, filled = rules.has("operator", "In", "NotIn"), rules.filled("values")
        return ({"if": takes_values, "then": filled, "else": {"not": filled}},)

    @model_validator(mode="after")
    def _values_fit(self) -> "MatchExpression":
        takes_values = self.operator in {"In", "NotIn"}
        if takes_values != bool(self.values):
            rule = "requires at least one value" if takes_values else "takes no values"
            raise invalid(f"operator {self.operator} {rule}")
        return self


class SelectorPart(Part):
    """A Kubernetes label selector that may also name clusters; an empty one matches all."""

    match_labels: Labels = Field(
        default_factory=dict, description="Labels with these exact values."
    )
    match_expressions: list[MatchExpression] = Field(
        default_factory=list, description="Requirements that must all be met."
    )
    names: list[ClusterName] | None = Field(
        default=None, description="Only clusters with these names; an empty list selects none."
    )
    excluded: "SelectorPart | None" = Field(
        default=None, alias="except", description="Excluded clusters."
    )

    def value(self) -> Selector:
        """The value of the planners' model."""
        expressions = tuple(
            LabelRequirement(each.key, each.operator, tuple(each.values))
            for each in self.match_expressions
        )
        excluded = self.excluded.value() if self.excluded else None
        names = tuple(self.names) if self.names is not None else None
        return Selector(self.match_labels, expressions, names, excluded)
