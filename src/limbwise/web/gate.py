"""What every request passes first: key, origin, whether the server stops; and what every answer gets: strict headers, a place in the
counts."""

from __future__ import annotations

import hmac
import logging
import time
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from limbwise.web.refusal import Refusal, as_answer, busy
from limbwise.web.serving import Serving

POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self' ws: wss:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
SAFE = ("GET", "HEAD", "OPTIONS")
log = logging.getLogger("limbwise.web")


class Gate:
    """ASGI around the app. Refuses with 401, 403 and 503 before a body is read; nothing goes out without the strict headers."""

    def __init__(self, app: ASGIApp, serving: Serving) -> None:
        self.app, self.serving = app, serving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        try:
            self._check(scope)
        except Refusal as refusal:
            answer = as_answer(refusal.status, refusal.message, refusal.headers)
            if scope["type"] == "http":
                return await _Exchange(answer, self.serving).run(scope, receive, send)
            return await _deny(answer, scope, receive, send)
        if scope["type"] == "websocket":
            return await self.app(scope, receive, send)
        return await _Exchange(self.app, self.serving).run(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        """Raises Refusal where a request may not come in."""
        headers, path = Headers(scope=scope), scope["path"]
        live = scope["type"] == "websocket"
        if self.serving.stopping.is_set() and (path == "/healthz" or live or scope["method"] == "POST"):
            raise busy("the server is about to stop")
        if not _is_open(path) and not self._knows(headers, scope):
            raise Refusal(
                401, "a key is needed: Authorization: Bearer KEY, or X-API-Key: KEY", {"WWW-Authenticate": "Bearer"}
            )
        if (live or scope["method"] not in SAFE) and not self._from_here(headers):
            raise Refusal(403, "this page is of another host; start the server with --origins to let it ask")

    def _knows(self, headers: Headers, scope: Scope) -> bool:
        key = self.serving.key
        if key is None:
            return True
        kind, _, bearer = headers.get("authorization", "").partition(" ")
        words = [headers.get("x-api-key", ""), bearer.strip() if kind.lower() == "bearer" else ""]
        given = [word.encode("latin-1") for word in words]  # the bytes as they came
        if scope["type"] == "websocket":  # browsers cannot give headers to one
            given += [word.encode() for word in parse_qs(scope["query_string"].decode("latin-1")).get("key", [])]
        return any(hmac.compare_digest(word, key.encode()) for word in given)

    def _from_here(self, headers: Headers) -> bool:
        """Whether the page that asks is ours or an allowed one; programs, which name none, may always."""
        origin, allowed = headers.get("origin"), self.serving.options.allowed_origins
        if origin is None or origin in allowed or "*" in allowed:
            return True
        return urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


def _is_open(path: str) -> bool:
    """What needs no key: the page, which asks for one, and the question whether the server is well."""
    return path in ("/", "/healthz", "/favicon.ico") or path.startswith("/page/")


async def _deny(answer: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse a WebSocket before it opens: with the answer where the server can, else with 403."""
    await receive()
    if "websocket.http.response" in scope.get("extensions", {}):
        return await answer(scope, receive, send)
    return await send({"type": "websocket.close", "code": 1008})


class _Exchange:
    """One request and its answer."""

    def __init__(self, app: ASGIApp, serving: Serving) -> None:
        self.app, self.serving = app, serving
        self._status = 0  # of the answer that has begun

    async def run(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the app answer, or say that it could not; count it."""
        start = time.perf_counter()
        self._send, self._path = send, scope["path"]
        self.serving.requests += 1
        try:
            await self.app(scope, receive, self.send)
        except ClientDisconnect:
            self._status = self._status or 499
        except Exception:
            log.exception("%s %s", scope["method"], scope["path"])
            if self._status == 0:
                await as_answer(500, "internal error; the server's log says more")(scope, receive, self.send)
        finally:
            self.serving.requests -= 1
            self.serving.metrics.request(_template(scope), self._status, time.perf_counter() - start)

    async def send(self, message: Message) -> None:
        """What the app sends, with our headers."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._add_headers(message)
        await self._send(message)

    def _add_headers(self, message: Message) -> None:
        headers = MutableHeaders(scope=message)
        for name, value in HEADERS.items():
            headers[name] = value
        headers.setdefault("Cache-Control", "no-cache" if _is_open(self._path) else "no-store")


def _template(scope: Scope) -> str:
    """The path of the endpoint, without what clients put into it."""
    route = scope.get("route")
    if route is not None:
        return str(getattr(route, "path", "other"))
    return "/page" if scope["path"].startswith("/page/") else "other"
