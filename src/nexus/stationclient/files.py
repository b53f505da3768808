"""The built files of the client, held compressed in memory; any other path is the one page."""

import gzip
import hashlib
import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

PREFIX = "/station/"
PAGE = "index.html"
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "worker-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""No script but our own, and nobody may frame the page."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
FOREVER = "public, max-age=31536000, immutable"
"""For files whose name holds the hash of their content."""
ASK = "no-cache"
"""Kept, but asked each time whether it still holds."""
ABSENT = """<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>nexus</title>
<h1>社工站工作台尚未构建</h1>
<p>请运行 <code>make web</code>（或 <code>python web/build.py</code>），然后刷新本页。
接口不受影响。</p>
<h1 lang="en">The station client is not built</h1>
<p lang="en">Run <code>make web</code> (or <code>python web/build.py</code>), then reload this page.
The API is not affected. Installs made with <code>NEXUS_SKIP_WEB=1</code> are without it.</p>
</html>"""


@dataclass(frozen=True)
class File:
    """One file, ready to send."""

    body: bytes
    packed: bytes | None
    media_type: str
    etag: str
    caching: str


class StationFiles:
    """An ASGI application for everything under `/station/` that is no door."""

    def __init__(self, site: Traversable | None = None) -> None:
        self.site = site or resources.files("nexus.stationclient").joinpath("site")
        self._files: dict[str, File] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(Request(scope))(scope, receive, send)

    def _answer(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return Response(status_code=405, headers={"Allow": "GET, HEAD"} | HEADERS)
        path = request.url.path.removeprefix(PREFIX)
        found = self._find(path)
        if found is None:
            return _without(path)
        headers = {"ETag": found.etag, "Cache-Control": found.caching, "Vary": "Accept-Encoding"}
        if request.headers.get("if-none-match") == found.etag:
            return Response(status_code=304, headers=headers | HEADERS)
        body = found.body
        if found.packed and "gzip" in request.headers.get("accept-encoding", ""):
            body, headers["Content-Encoding"] = found.packed, "gzip"
        return Response(body, media_type=found.media_type, headers=headers | HEADERS)

    def _find(self, path: str) -> File | None:
        """The file of that path; the page for a screen's address; None for what is not there."""
        if not self._files:
            self._files = dict(_read(self.site, ""))
        if "." in path.rpartition("/")[2] and path != PAGE:
            return self._files.get(path)
        return self._files.get(PAGE)


def _without(path: str) -> Response:
    """Where there is nothing: a page that says why for the page, a plain 404 for a file."""
    headers = HEADERS | {"Cache-Control": "no-store"}
    if "." in path.rpartition("/")[2]:
        return Response("Not found", 404, headers, "text/plain")
    return Response(ABSENT, 503, headers, "text/html")


def _read(folder: Traversable, prefix: str) -> Iterator[tuple[str, File]]:
    if not folder.is_dir():
        return
    for one in folder.iterdir():
        if one.is_dir():
            yield from _read(one, f"{prefix}{one.name}/")
        elif not one.name.startswith("."):
            yield f"{prefix}{one.name}", _file(one, prefix)


def _file(one: Traversable, prefix: str) -> File:
    body = one.read_bytes()
    media_type = mimetypes.guess_type(one.name)[0] or "application/octet-stream"
    if one.name.endswith(".webmanifest"):
        media_type = "application/manifest+json"
    packed = gzip.compress(body, 9, mtime=0)
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    smaller = packed if len(packed) < len(body) else None
    return File(body, smaller, media_type, etag, FOREVER if prefix == "assets/" else ASK)
