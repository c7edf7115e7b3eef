"""Which report may come while an order has which status: one table. A fill may always come; what else may not is a dead letter.

The status itself is never set: it is derived (``order.py``) by the precedence of FIX Volume 4, appendix D.
"""

from __future__ import annotations

from schemas.orders import ExecType, Status

_WORKING = frozenset({Status.PENDING_NEW, Status.NEW, Status.PARTIALLY_FILLED, Status.SUSPENDED, Status.DONE_FOR_DAY})
_PENDING = frozenset({Status.PENDING_CANCEL, Status.PENDING_REPLACE})
_OPEN = _WORKING | _PENDING
_ANY = frozenset(Status)

MAY_COME: dict[ExecType, frozenset[Status]] = {
    ExecType.PENDING_NEW: _OPEN | {Status.FILLED},
    ExecType.NEW: _OPEN,
    ExecType.SUSPENDED: _OPEN,
    ExecType.DONE_FOR_DAY: _OPEN,
    ExecType.PENDING_CANCEL: _OPEN,
    ExecType.PENDING_REPLACE: _OPEN | {Status.FILLED},
    ExecType.REPLACED: _OPEN | {Status.FILLED},
    ExecType.CANCEL_REJECTED: _PENDING,
    ExecType.REPLACE_REJECTED: _PENDING,
    ExecType.CANCELED: _OPEN | {Status.CANCELED},
    ExecType.EXPIRED: _OPEN | {Status.EXPIRED},
    ExecType.REJECTED: (_OPEN | {Status.REJECTED}) - {Status.PARTIALLY_FILLED},
    ExecType.FILL: _ANY,
    ExecType.BUST: _ANY,
    ExecType.CORRECT: _ANY,
}
"""A filled order may be replaced by a larger one (C.1.c). CANCELED, EXPIRED and REJECTED said again say nothing."""

MAY_BE_LATE = frozenset(
    {
        ExecType.PENDING_NEW,
        ExecType.NEW,
        ExecType.SUSPENDED,
        ExecType.DONE_FOR_DAY,
        ExecType.PENDING_CANCEL,
        ExecType.PENDING_REPLACE,
    }
)
"""Reports on the way to an end. One older, in event time, than what is known of the order was overtaken: no error, and no news."""


def may_come(exec_type: ExecType, status: Status) -> bool:
    """Whether a report of this type is legal for an order of this status."""
    return status in MAY_COME[exec_type]
