"""What an error of a database means: wait, leave one record out, or give up."""

from __future__ import annotations

import sqlite3
from enum import Enum

from sqlalchemy.exc import DBAPIError


class Fault(Enum):
    """What to do."""

    OUTAGE = "outage"
    """It will be over: the server is away, somebody has the lock, the disk is full."""
    RECORD = "record"
    """What is in a row cannot be stored; other rows can."""
    SETUP = "setup"
    """It stays so until a person does something: a table is missing, a right, the file is none."""
    BUG = "bug"


_RECORD_STATES = ("22", "23", "54")
"""Classes of SQLSTATE: data, constraint, beyond a limit (an entry of an index is too large)."""
_SETUP_STATES = ("0A", "28", "3D", "3F", "42")

_RECORD_CODES = {sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH}
_SETUP_CODES = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def cause_of(error: BaseException) -> BaseException:
    """The driver's own error, without the statement that the library adds."""
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


def fault_of(error: BaseException) -> Fault:
    """What an error of a transaction means."""
    cause = cause_of(error)
    if isinstance(cause, OverflowError | UnicodeError):
        return Fault.RECORD  # of a driver that cannot even say it to the database
    if isinstance(cause, sqlite3.Error):
        return _fault_of_sqlite(cause)
    return _fault_of_postgres(cause)


def _fault_of_sqlite(error: sqlite3.Error) -> Fault:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # the driver's: a closed connection, a type it does not know
        return Fault.BUG
    if code & 0xFF in _RECORD_CODES:
        return Fault.RECORD
    return Fault.SETUP if code & 0xFF in _SETUP_CODES else Fault.OUTAGE


def _fault_of_postgres(error: BaseException) -> Fault:
    import psycopg

    if not isinstance(error, psycopg.Error):
        return Fault.BUG
    state = error.sqlstate
    if state is None:  # not the server's: there is none, or the driver refuses a value
        if isinstance(error, psycopg.DataError):
            return Fault.RECORD
        return Fault.OUTAGE if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) else Fault.BUG
    if state.startswith(_RECORD_STATES):
        return Fault.RECORD
    return Fault.SETUP if state.startswith(_SETUP_STATES) else Fault.OUTAGE


def is_locked(error: BaseException) -> bool:
    """Whether it is an SQLite file that somebody else has for the moment. A first writer is not made to wait, but told at once."""
    cause = cause_of(error)
    return isinstance(cause, sqlite3.Error) and getattr(cause, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def told(error: BaseException) -> str:
    """The error in a line, without statements and values."""
    return " ".join(str(cause_of(error)).split())[:500]
