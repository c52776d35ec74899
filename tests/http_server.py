"""A small HTTP server for what is fetched, which misbehaves as it is told."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import attrs


@attrs.define
class Server:
    """What is served, how it misbehaves, and what it was asked."""

    files: dict[str, bytes] = attrs.field(factory=dict)
    url: str = ""
    ranges: bool = True
    """Whether it goes on where it is asked to."""
    shift: int = 0
    """How far off the part that it sends is."""
    breaks_after: int = 0
    """Bytes after which it drops a connection; 0: never."""
    length: bool = True
    """Whether it tells sizes."""
    status: int = 0
    """What it answers to every GET; 0: as it should."""
    asked: list[tuple[str, str]] = attrs.field(factory=list)
    """Name and range of each GET."""


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            content = server.files.get(self.path.strip("/"))
            self.start(404 if content is None else 200, len(content or b""))

        def do_GET(self) -> None:
            name, wanted = self.path.strip("/"), self.headers.get("Range", "")
            server.asked.append((name, wanted))
            content = server.files.get(name)
            if content is None or server.status:
                self.start(server.status or 404, 0)
                return
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and server.ranges else 0
            start -= server.shift if start else 0
            part = content[start:]
            self.start(206 if start else 200, len(part), f"bytes {start}-{len(content) - 1}/{len(content)}")
            with contextlib.suppress(ConnectionError):  # whoever asks may be killed
                self.wfile.write(part[: server.breaks_after or None])
            self.close_connection = True

        def start(self, status: int, length: int, content_range: str = "") -> None:
            self.send_response(status)
            if server.length:
                self.send_header("Content-Length", str(length))
            if status == 206:
                self.send_header("Content-Range", content_range)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """Serve what is put into the server's files, on this machine."""
    served = Server()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(served)) as http:
        served.url = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield served
        http.shutdown()
        thread.join()
