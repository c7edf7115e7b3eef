"""A limit that halts (``onBreach: "halt"``): its breach stops the trading of the account that it is about, else of the firm."""

from __future__ import annotations

from operators.risk.edges import SOURCE
from operators.risk.episodes import STOPS, Edge
from schemas.alerts import Alert
from schemas.control import Control, Limit, Trading
from schemas.control_checks import FALLS_BELOW
from schemas.events import LANES, Event, EventType, Header

TRADING = "control.trading"

FIRM_NAME = "firm"
"""Key of the firm's state on ``control.trading``, beside those of accounts."""


def name_of(control: Control) -> str:
    """Whose state a record of ``control.trading`` is: an account's, or FIRM_NAME."""
    payload = control.payload
    if isinstance(payload, Trading):
        return payload.account or FIRM_NAME if payload.scope == "account" else FIRM_NAME
    return control.id


def _way(limit: Limit) -> str:
    """Where a breach lies; a stop's depends on its position's side, and the threshold of a trailing one is no price."""
    if limit.rule in STOPS:
        return "with a threshold of"
    return "below" if limit.rule in FALLS_BELOW else "above"


class Halts:
    """Turns breaches into states of trading, once an episode.

    A breach that was said before a crash may have been said without its halt. So it halts again, unless somebody has set that state since.
    """

    def __init__(self) -> None:
        self._set: dict[str, int] = {}

    def on_control(self, control: Control) -> None:
        """Hear when a state was set."""
        name = name_of(control)
        self._set[name] = max(control.time_ns, self._set.get(name, 0))

    def halt(self, edge: Edge) -> list[Event[Trading]]:
        """What an edge stops."""
        if edge.breach and (edge.is_news or self._set.get(edge.key.account or FIRM_NAME, -1) < edge.alert.time_ns):
            return self.halt_by(edge.limit, edge.alert)
        return []

    def halt_by(self, limit: Limit, alert: Event[Alert]) -> list[Event[Trading]]:
        """What a breach of a limit stops."""
        if limit.on_breach != "halt" or alert.payload.state != "breach":
            return []
        account = alert.payload.account
        reason = f"limit {limit.limit_id}: {limit.rule} of {alert.payload.key} is {alert.payload.value}, {_way(limit)} {limit.threshold}"
        payload = Trading("account" if account else "firm", "HALTED", account, reason, None)
        kind = EventType.CONTROL_UPDATE
        identity = f"halt|{alert.payload.alert_id}"
        header = Header(identity, alert.header.correlation_id, kind.value, int(LANES[kind]), alert.header.timestamp, SOURCE)
        return [Event(header, payload, alert.time_ns, alert.place)]

    def dump(self) -> dict[str, int]:
        """Plain data."""
        return dict(self._set)

    def load(self, stored: dict[str, int]) -> None:
        """Continue from what ``dump`` returned."""
        self._set = dict(stored)
