"""What an Alertmanager posts: which alerts fire, and which are resolved.

Source: Prometheus documentation, "Alerting: configuration", `webhook_config` (version 4).
"""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from planners.model.alerts import Alert

MOST_TEXT = 500
MOST = 2_000
NAME, CLUSTER = "alertname", "cluster"


class _Told(BaseModel):
    """An alert in a notification; other fields are ignored."""

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    starts_at: AwareDatetime = Field(alias="startsAt")
    fingerprint: str = Field(min_length=1, max_length=64, pattern="^[!-~]+$")


class _Notification(BaseModel):
    """The body that Alertmanager posts."""

    version: Literal["4"]
    alerts: list[_Told] = Field(max_length=MOST)


class NotificationError(ValueError):
    """The body is no notification of an Alertmanager; the message says where."""


def read_alerts(body: bytes) -> list[Alert]:
    """The alerts of a notification; those without a name are of no use.

    Raises:
        NotificationError: it is none, or of another version.
    """
    try:
        told = _Notification.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, found["loc"])) or "body"
        raise NotificationError(f"{where}: {found['msg']}"[:MOST_TEXT]) from None
    return [_alert(each) for each in told.alerts if NAME in each.labels]


def _alert(told: _Told) -> Alert:
    name, cluster = told.labels[NAME], told.labels.get(CLUSTER, "")
    return Alert(name, told.fingerprint, cluster, told.starts_at, told.status == "firing")
