"""Execution reports of any source as records of ``orders.events``: checked, each in an envelope whose id is made of what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from io import BytesIO

import msgspec

from schemas.dead_letters import Reason
from schemas.errors import RejectedRecord
from schemas.events import LANES, EventType, Header
from schemas.json_errors import JSON_ERRORS, explained
from schemas.order_checks import check_execution
from schemas.orders import ExecutionReport
from schemas.times import format_time, parse_time
from sources.input_files import CHUNK_BYTES, Source, chunks
from sources.jsonl import LineBlock
from sources.table import BadLine

TOPIC = "orders.events"
LINE_NS = 1_000_000
"""A report without a time has its line's number in milliseconds since 1970 as its own, as any bare payload has."""

Translate = Callable[[bytes], Sequence[ExecutionReport | RejectedRecord]]
"""What a line says: reports, what of it is bad, or nothing that concerns us."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(ExecutionReport).decode


def report_event(report: ExecutionReport, line: int) -> bytes:
    """The envelope of a report. Its id is a digest of the report and its time: the same report read again is the same event.

    Raises:
        RejectedRecord: the report lacks what its type needs, or says what cannot have happened.
    """
    payload = _encode(report)
    try:
        check_execution(_decode(payload))
        time_ns = line * LINE_NS if report.timestamp is None else parse_time(report.timestamp)
    except JSON_ERRORS as error:
        reason = Reason.MALFORMED if isinstance(error, msgspec.DecodeError) else Reason.TIME
        raise RejectedRecord(reason, explained(error, payload) if reason is Reason.MALFORMED else f"timestamp: {error}") from None
    when = format_time(time_ns)
    event_id = "report|" + blake2b(payload + when.encode(), digest_size=16).hexdigest()
    header = Header(
        event_id=event_id,
        correlation_id=report.order_id or event_id,
        event_type=EventType.EXECUTION_REPORT.value,
        priority=int(LANES[EventType.EXECUTION_REPORT]),
        timestamp=when,
        source="input",
    )
    return b'{"header":' + _encode(header) + b',"payload":' + payload + b',"targetService":null}'


def read_reports(source: Source, translate: Translate, *, chunk_bytes: int = CHUNK_BYTES) -> Iterator[LineBlock]:
    """The reports of a file of lines. A line that is bad in any of its parts is rejected once; its good parts count.

    Raises:
        InputFileError: the file cannot be read.
    """
    number = 0
    for chunk in chunks(source, chunk_bytes):
        block = LineBlock([], [], [])
        for raw in BytesIO(chunk):
            number += 1
            line = raw.strip(b"\r\n\t ")
            bad: RejectedRecord | None = None
            for found in translate(line) if line else ():
                try:
                    if isinstance(found, RejectedRecord):
                        raise found
                    event = report_event(found, number)
                except RejectedRecord as error:
                    bad = bad or error
                    continue
                block.lines.append(number)
                block.topics.append(TOPIC)
                block.values.append(event)
            if bad is not None:
                block.rejects.append(BadLine(number, Reason(bad.reason), str(bad), line))
        yield block
