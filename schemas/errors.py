"""Every error of the house, as one tree. A message says what was expected, what was found, and what to do.

::

    TradeMasterError
    ├── UsageError                what a person asked for cannot be done as asked (exit code 2)
    │   ├── SettingsError         a setting is unknown or has a wrong value
    │   ├── InputFileError        a file to read is missing, or is not what its options say
    │   ├── UnknownFlow           no flow has that name
    │   └── OwnFlowError          a flow of somebody's own is not built as it must be, or failed at its work
    ├── RejectedRecord            one record is bad: it becomes a dead letter, the stream goes on
    ├── BusError                  the bus
    │   ├── BusUnavailable        the broker or the file cannot be reached, or is full; try again later
    │   ├── UnknownTopic          the topic does not exist yet
    │   ├── PositionLost          the offset to resume from is no longer kept
    │   └── RecordTooLarge        a record is larger than the bus takes
    ├── StoreError                where a delivery writes to cannot work as it is set up
    │   └── StoreInterrupted      it was out of reach until the run was told to stop; what it did not take is read again
    └── RecoveryError             stored state cannot be used by this program or this set of flows
"""

from __future__ import annotations


class TradeMasterError(Exception):
    """Base of all errors that are raised on purpose.

    Attributes:
        hint: what the reader can do about it; shown after the message.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(TradeMasterError):
    """What a person asked for cannot be done as asked."""


class SettingsError(UsageError):
    """A setting is unknown or has a wrong value."""


class InputFileError(UsageError):
    """A file to read is missing, or is not what its options say."""


class UnknownFlow(UsageError):
    """No flow has that name."""


class OwnFlowError(UsageError):
    """A flow of somebody's own is not built as it must be, or failed at its work: with the same input it would fail again."""


class RejectedRecord(TradeMasterError):
    """One record is bad. Caught at the edge, where it becomes a dead letter.

    Attributes:
        reason: one of ``schemas.dead_letters.Reason``, for counting.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class BusError(TradeMasterError):
    """The bus."""


class BusUnavailable(BusError):
    """The broker or the file cannot be reached, or has no room. What was not acknowledged will be written again."""


class UnknownTopic(BusError):
    """The topic does not exist yet."""


class PositionLost(BusError):
    """The offset to resume from is no longer kept."""


class RecordTooLarge(BusError):
    """A record is larger than the bus takes."""


class StoreError(TradeMasterError):
    """Where a delivery writes to cannot work as it is set up."""


class StoreInterrupted(StoreError):
    """The store was out of reach until the run was told to stop. What it did not take is read again by the next run."""


class RecoveryError(TradeMasterError):
    """Stored state cannot be used by this program or this set of flows."""
