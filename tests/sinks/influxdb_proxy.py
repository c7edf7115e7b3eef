"""Stands before a real InfluxDB and, for some requests, does what networks and busy servers do."""

from __future__ import annotations

import gzip
import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one request."""

    status: int = 0
    """Answered; 0: the connection is cut."""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"code":"unavailable","message":"so said the test"}'
    share: float = 0.0
    """Of the lines, that reach the server all the same."""


@dataclass(slots=True)
class Proxy:
    """Its address, what it does, and what came."""

    target: str
    url: str = ""
    fault: Callable[[int], Fault | None] = lambda _number: None
    """From the number of a request to what happens to it; None: nothing."""
    times_s: list[float] = field(default_factory=list)
    """When each request came, by the monotonic clock."""
    statuses: list[int] = field(default_factory=list)
    """What the server answered to those that reached it."""
    sizes: list[int] = field(default_factory=list)
    """Lines of each request."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def meets(self, headers: Any, body: bytes) -> Fault | None:
        with self.lock:
            number = len(self.times_s)
            self.times_s.append(time.monotonic())
            self.sizes.append(unpacked(headers, body).count(b"\n"))
            return self.fault(number)

    def forward(self, path: str, headers: Any, body: bytes) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.target).netloc, timeout=20)
        connection.request("POST", path, body, dict(headers))
        answer = connection.getresponse()
        found = answer.status, answer.read()
        connection.close()
        with self.lock:
            self.statuses.append(answer.status)
        return found


def unpacked(headers: Any, body: bytes) -> bytes:
    return gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body


@contextmanager
def faulty_proxy(target: str) -> Iterator[Proxy]:
    """A proxy before ``target``."""
    proxy = Proxy(target)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            fault = proxy.meets(self.headers, body)
            if fault is None:
                try:
                    status, text = proxy.forward(self.path, self.headers, body)
                except OSError:
                    self.close_connection = True
                    return
                self._answer(status, text, {})
                return
            if fault.share:
                lines = unpacked(self.headers, body).splitlines(keepends=True)
                some = b"".join(lines[: max(1, int(len(lines) * fault.share))])
                plain = {name: value for name, value in self.headers.items() if name not in {"Content-Encoding", "Content-Length"}}
                proxy.forward(self.path, plain, some)
            if fault.status:
                self._answer(fault.status, fault.body, fault.headers)
            else:
                self.close_connection = True

        def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
