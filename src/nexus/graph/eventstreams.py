"""GraphQL over server-sent events, distinct connections: one operation, one stream of events.

What is wrong with the HTTP request is answered by its status; what is wrong with the document
comes as the `next` event of a stream that was accepted, for an EventSource shows nothing else.
"""

import asyncio
import contextlib
from typing import Any

from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from nexus.acting import Actor
from nexus.graph.desk import Desk
from nexus.graph.errors import RequestCode, RequestError, as_bytes, told
from nexus.graph.execution import Answer
from nexus.graph.http import (
    MAX_URI,
    GraphQLDoor,
    Headers,
    HungUpError,
    Unauthorized,
    errors_of,
    read_body,
    refused,
)
from nexus.graph.messages import (
    accepts_events,
    check_content_type,
    checked,
    from_url,
    read_json,
    wants_events,
)
from nexus.graph.newsroom import Ending, Follower, Newsroom, Subscription
from nexus.graph.outgoing import Outgoing
from nexus.graph.waiting import patience

KEEP_ALIVE_SECONDS = 15.0
COMMENT = b":\n\n"
COMPLETE = b"event: complete\ndata:\n\n"
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"vary", b"accept, authorization"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-accel-buffering", b"no"),
]


class EventDoor:
    """An ASGI application: what accepts event streams is its own, the rest is the inner door's."""

    def __init__(self, inner: GraphQLDoor, desk: Desk, newsroom: Newsroom) -> None:
        self.inner = inner
        self.desk = desk
        self.newsroom = newsroom

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: Headers = dict(scope["headers"])
        accept = headers.get(b"accept", b"")
        if scope["method"] not in ("GET", "POST") or not accepts_events(accept):
            await self.inner(scope, receive, send)
            return
        try:
            body = b"" if scope["method"] == "GET" else await read_body(headers, receive)
            if not wants_events(accept) and not self._follows(scope, body):
                await self.inner(scope, _read_already(body, receive), send)
                return
            await self._serve(scope, headers, body, receive, send)
        except HungUpError:
            return
        except (RequestError, Unauthorized) as error:
            await refused(error).send(send, None, with_body=True)

    async def _serve(
        self, scope: Scope, headers: Headers, body: bytes, receive: Receive, send: Send
    ) -> None:
        if scope["method"] == "POST":
            check_content_type(headers.get(b"content-type", b""), headers.get(b"content-encoding"))
        given = _given(scope, body)
        request = Request(scope)
        actor = await self.desk.authenticate(request)
        stream = _Stream(self, request, actor, send)
        self.newsroom.sit(stream)
        try:
            await stream.run(given, receive)
        finally:
            self.newsroom.rise(stream)

    def _follows(self, scope: Scope, body: bytes) -> bool:
        """Whether it asks for a subscription: of all else, the inner door tells what is wrong."""
        try:
            given = _given(scope, body)
            text = str(given.get("query") or "")
            return self.desk.executor.is_subscription(text, given.get("operationName"))
        except RequestError:
            return False


def _given(scope: Scope, body: bytes) -> dict[str, Any]:
    if scope["method"] == "POST":
        return checked(read_json(body))
    if len(scope["query_string"]) > MAX_URI:
        message = f"The URL is longer than {MAX_URI} bytes: use POST."
        raise RequestError(414, RequestCode.URI_TOO_LONG, message)
    return from_url(scope["query_string"])


def _read_already(body: bytes, receive: Receive) -> Receive:
    """What receives the body once more, and then what comes after it."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return messages.pop() if messages else await receive()

    return again


class _Stream(Follower):
    """One stream of events."""

    def __init__(self, door: EventDoor, request: Request, actor: Actor, send: Send) -> None:
        super().__init__(request, actor)
        self.desk, self.newsroom, self.send = door.desk, door.newsroom, send
        self.outgoing = Outgoing()
        self._dropped = asyncio.Event()

    async def run(self, given: Any, receive: Receive) -> None:
        """Serve until the operation is complete, the peer has gone, or it does not keep up."""
        await self.send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await self._send(COMMENT)
        subscription = await self._begin(given)
        sending = self.outgoing.send_all(self._send, idle=KEEP_ALIVE_SECONDS, idly=COMMENT)
        writer = asyncio.create_task(sending)
        others = [asyncio.create_task(_gone(receive)), asyncio.create_task(self._dropped.wait())]
        try:
            await asyncio.wait({writer, *others}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if subscription is not None:
                self.newsroom.leave(subscription)
            for task in (*others, writer):
                task.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await writer
            await self.send({"type": "http.response.body", "body": b""})

    async def _begin(self, given: Any) -> Subscription | None:
        only_reading = self.request.method != "POST"
        try:
            with patience():
                asked = await self.desk.ask(
                    self.request, self.actor, given, only_reading=only_reading
                )
            if not isinstance(asked, Answer):
                subscription = Subscription(self, asked, self._tell)
                await self.newsroom.follow(subscription)
                return subscription
            self._tell(asked.body())
        except Exception as error:
            self._tell(as_bytes({"errors": errors_of(error)}))
        self._complete()
        return None

    def end(self, why: Ending) -> None:
        """Follower's: say why, unless the peer is too slow to hear it."""
        if why is Ending.BEHIND:
            self.outgoing.finish(at_once=True)
            self._dropped.set()
            return
        code = Unauthorized.code if why is Ending.REVOKED else RequestCode.UNAVAILABLE
        self._tell(as_bytes({"errors": [told(why.value, code)]}))
        self._complete()

    def _tell(self, body: bytes) -> None:
        # JSON may hold line breaks between its tokens, a line of an event may not.
        lines = b"\ndata: ".join(body.splitlines())
        if not self.outgoing.put(b"event: next\ndata: ", lines, b"\n\n"):
            self.end(Ending.BEHIND)

    def _complete(self) -> None:
        self.outgoing.put(COMPLETE)
        self.outgoing.finish()

    async def _send(self, chunk: bytes) -> None:
        await self.send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
