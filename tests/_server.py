"""A server on this machine whose downloads can be broken off."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Server(ThreadingHTTPServer):
    """Serves `contents` by name, and breaks the first answer of a name off after its bytes in `breaks_at`.

    Names in `moved` are answered by a redirection.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.contents: dict[str, bytes] = {}
        self.breaks_at: dict[str, int] = {}
        self.ranges, self.says_length, self.status = True, True, 200
        self.moved: dict[str, str] = {}
        self.asked: list[str | None] = []


class Handler(BaseHTTPRequestHandler):
    """Answers GET, with byte ranges where the server has them."""

    server: Server

    def do_GET(self) -> None:
        given, name = self.headers["Range"], self.path.rpartition("/")[2]
        self.server.asked.append(given)
        if name in self.server.moved:
            self.send_response(302)
            self.send_header("Location", f"{self.server.url}/elsewhere/{self.server.moved[name]}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        content = self.server.contents[name]
        start = int(re.findall(r"\d+", given)[0]) if given and self.server.ranges else 0
        status = self.server.status
        if start:
            status = 206 if start < len(content) else 416
        body = b"" if status >= 400 else content[start:]
        self.send_response(status)
        if self.server.says_length:
            self.send_header("Content-Length", str(len(body)))
        span = "*" if status == 416 else f"{start}-"
        self.send_header("Content-Range", f"bytes {span}/{len(content)}")
        self.end_headers()
        self.wfile.write(body[: self.server.breaks_at.pop(name, None)])

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serving(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Give a running server that no proxy stands before."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()
