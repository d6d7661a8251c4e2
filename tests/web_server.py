"""A web server on this machine that can misbehave in every way that mirrors do."""

import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Web:
    """Pages by path. A page is bytes, or a function that answers a request itself."""

    def __init__(self, address):
        self.address = address
        self.pages = {}
        self.asked = []  # (path, Range header) of every request

    def url(self, path):
        return f"{self.address}{path}"


@contextmanager
def web_server():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            wanted = self.headers.get("Range")
            web.asked.append((self.path, wanted))
            page = web.pages.get(self.path, status(404))
            if isinstance(page, bytes):
                page = whole(page)
            page(self, wanted)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    web = Web(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _answer(handler, code, content, length=None, **headers):
    handler.send_response(code)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    if length is not None:
        handler.send_header("Content-Length", str(length))
    handler.end_headers()
    handler.wfile.write(content)


def _start(wanted):
    return int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0


def whole(content, ranges=True):
    """All of a file, or what is behind the byte that is asked for."""

    def page(handler, wanted):
        start = _start(wanted) if ranges else 0
        if start >= len(content) and start:
            return _answer(handler, 416, b"", 0)
        code = 206 if start else 200
        said = {"Content_Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        return _answer(
            handler, code, content[start:], len(content) - start, **(said if start else {})
        )

    return page


def cut(content, at, says_length=True, ranges=True):
    """A connection that breaks off ``at`` bytes after where it began."""

    def page(handler, wanted):
        start = _start(wanted) if ranges else 0
        rest = content[start:]
        said = {"Content_Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        length = len(rest) if says_length else None
        code = 206 if start else 200
        _answer(handler, code, rest[:at], length, **(said if start else {}))

    return page


def status(code, **headers):
    """An error, or a redirection."""
    return lambda handler, wanted: _answer(handler, code, b"no", 2, **headers)


def once(first, then):
    """``first`` to the first request, ``then`` to all others."""
    answers = iter([first])
    return lambda handler, wanted: next(answers, then)(handler, wanted)


def silent(seconds):
    """Nothing at all for a while."""
    return lambda handler, wanted: time.sleep(seconds)
