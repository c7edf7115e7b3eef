"""One write request to an InfluxDB, and what its answer means. Works with whatever takes ``/api/v2/write``: InfluxDB 1.8 and 2,
VictoriaMetrics.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum
from urllib.parse import urlencode, urlsplit

import msgspec
import urllib3
from isal import isal_zlib

from schemas.errors import StoreError


class Verdict(Enum):
    """What becomes of the lines of a request."""

    TAKEN = "taken"
    BAD = "bad"
    """The server will never take all of them: some line is bad, or there are too many."""
    LATER = "later"
    """It is out of reach, busy or being started."""
    SETUP = "setup"
    """It answers, but not to us: the token is refused, or the bucket or organisation is missing. A person can mend that meanwhile."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    verdict: Verdict
    text: str = ""
    """What the server or the system said."""
    wait_s: float = 0.0
    """The server asked to wait so long."""
    dropped: int = -1
    """How many points it says that it did not take; it took the others. -1: it does not say."""

    @property
    def is_old(self) -> bool:
        """Points were refused because the bucket keeps none of their age."""
        return "retention policy" in self.text


@dataclass(frozen=True, slots=True)
class Target:
    """Where points go."""

    url: str
    """``http://host:8086``, with a path before the interface's own if there is one."""
    org: str
    bucket: str
    token: str
    gzip: bool = True
    timeout_s: float = 30.0


_BAD = {400, 422}
_TOO_LARGE = 413
_BUSY = {408, 425, 429}
_MAX_WAIT_S = 600.0
"""A longer ``Retry-After`` is taken for so much."""
_GZIP_LEVEL = 1
_dropped = re.compile(r"dropped=(\d+)").search


class WriteClient:
    """Sends lines; one connection for each thread that calls it.

    Raises:
        StoreError: the URL is none.
    """

    def __init__(self, target: Target, connections: int) -> None:
        parts = urlsplit(target.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise StoreError(
                f"expected the address of an InfluxDB such as http://localhost:8086, found {target.url!r}", hint="set influxdb.url"
            )
        self._gzip = target.gzip
        query = urlencode({"org": target.org, "bucket": target.bucket, "precision": "ns"})
        self._path = f"{parts.path.rstrip('/')}/api/v2/write?{query}"
        self._headers = {"Content-Type": "text/plain; charset=utf-8", "User-Agent": "trademaster"}
        if target.token:
            self._headers["Authorization"] = f"Token {target.token}"
        if target.gzip:
            self._headers["Content-Encoding"] = "gzip"
        timeout = urllib3.Timeout(connect=min(5.0, target.timeout_s), read=target.timeout_s)
        self._pool = urllib3.connection_from_url(
            f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", maxsize=connections, timeout=timeout, retries=False
        )

    def send(self, lines: Iterable[memoryview]) -> Answer:
        """Write lines; never raises for what the server or the network does."""
        return self.send_packed(self.packed(lines))

    def packed(self, lines: Iterable[memoryview]) -> bytes:
        """The body of a request."""
        return compressed(lines) if self._gzip else b"".join(lines)

    def send_packed(self, body: bytes) -> Answer:
        """As ``send``, of a body."""
        try:
            response = self._pool.request("POST", self._path, body=body, headers=self._headers, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            return Answer(Verdict.LATER, _shown(error))
        return read_answer(response.status, response.headers.get("Retry-After", ""), response.data)

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()


def compressed(lines: Iterable[memoryview]) -> bytes:
    """As one gzip member."""
    packer = isal_zlib.compressobj(_GZIP_LEVEL, isal_zlib.DEFLATED, 16 + isal_zlib.MAX_WBITS)
    packed = [packer.compress(piece) for piece in lines]
    packed.append(packer.flush())
    return b"".join(packed)


def read_answer(status: int, retry_after: str, body: bytes) -> Answer:
    """What an answer means."""
    if 200 <= status < 300:
        return Answer(Verdict.TAKEN)
    message, is_its_own = _message(body)
    found = _dropped(message)
    verdict = Verdict.LATER if status >= 500 or status in _BUSY else Verdict.SETUP
    if status == _TOO_LARGE or (status in _BAD and is_its_own):  # a proxy's 400 says nothing of a line
        verdict = Verdict.BAD
    return Answer(verdict, f"{status}: {message}", retry_after_s(retry_after), int(found.group(1)) if found else -1)


def retry_after_s(text: str) -> float:
    """Seconds of a ``Retry-After``, a number or a date; 0 of what is neither."""
    if re.fullmatch(r"\d{1,9}", text.strip()):
        return min(float(text), _MAX_WAIT_S)
    with suppress(ValueError, TypeError):
        return min(max(0.0, parsedate_to_datetime(text).timestamp() - time.time()), _MAX_WAIT_S)
    return 0.0


def _message(body: bytes) -> tuple[str, bool]:
    """What it says, and whether it is an InfluxDB's: version 2 has ``message``, 1 ``error``."""
    with suppress(msgspec.DecodeError, ValueError):
        found = msgspec.json.decode(body)
        if isinstance(found, dict) and ("message" in found or "error" in found):
            return str(found.get("message") or found.get("error")), True
    return body[:500].decode("utf-8", "replace").strip(), False


def _shown(error: Exception) -> str:
    """Without the library's objects and their addresses."""
    return re.sub(r"<[^>]*>[,:]? ?|\w+\([^()]*\): ", "", str(error)) or type(error).__name__
