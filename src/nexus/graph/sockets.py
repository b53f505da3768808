"""GraphQL over WebSocket: the graphql-transport-ws protocol, and no other.

Every operation may come this way. A wrong message closes the socket with the protocol's code; a
wrong document is an `error` of its operation only. What is sent waits in a bounded line.
"""

import asyncio
import json
from typing import Any

from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from nexus.acting import Actor
from nexus.graph.desk import Desk, too_many
from nexus.graph.errors import RequestCode, RequestError, as_bytes
from nexus.graph.execution import Answer
from nexus.graph.http import MAX_BODY, Unauthorized, errors_of
from nexus.graph.messages import read_json
from nexus.graph.newsroom import SUBSCRIPTIONS_EACH, Ending, Follower, Newsroom, Subscription
from nexus.graph.outgoing import Outgoing
from nexus.graph.waiting import patience

PROTOCOL = "graphql-transport-ws"
INIT_SECONDS = 3.0
MAX_ID = 100
AT_ONCE = 8
"""Operations of one socket that are begun or executed at a time; the others wait for a turn."""
MAX_REASON = 123
"""Bytes a close frame has for its reason (RFC 6455, 5.5)."""
CLOSING_SECONDS = 2.0
"""How long the last messages and the close frame may take."""
CLOSES = {
    Ending.REVOKED: 4403,
    Ending.BEHIND: 1013,
    Ending.LOST: 1013,
    Ending.CLOSING: 1012,
}


class _CloseError(Exception):
    """The socket must be closed with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code)
        self.code, self.reason = code, reason


class SocketDoor:
    """An ASGI application for WebSockets."""

    def __init__(self, desk: Desk, newsroom: Newsroom) -> None:
        self.desk = desk
        self.newsroom = newsroom

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (await receive())["type"] != "websocket.connect":
            return
        if PROTOCOL not in scope["subprotocols"]:
            await send({"type": "websocket.accept"})
            reason = f"Subprotocol not acceptable: use {PROTOCOL}"
            await send({"type": "websocket.close", "code": 4406, "reason": reason})
            return
        await send({"type": "websocket.accept", "subprotocol": PROTOCOL})
        await _Socket(self, scope, receive, send).run()


class _Socket(Follower):
    """One socket: reads messages one by one, and keeps its operations by their ids."""

    def __init__(self, door: SocketDoor, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self.receive, self.send = scope, receive, send
        self.desk, self.newsroom = door.desk, door.newsroom
        self.outgoing = Outgoing()
        self.operations: dict[str, _Operation] = {}
        self.running: dict[_Operation, asyncio.Task[None]] = {}
        self.turns = asyncio.Semaphore(AT_ONCE)
        self.asked = self.acknowledged = False
        self.closing: _CloseError | None = None
        self._closed = asyncio.Event()

    async def run(self) -> None:
        """Serve until either side closes."""
        timer = asyncio.get_running_loop().call_later(INIT_SECONDS, self._too_late)
        writer = asyncio.create_task(self.outgoing.send_all(self._send_text))
        reader = asyncio.create_task(self._read())
        closed = asyncio.create_task(self._closed.wait())
        try:
            await asyncio.wait({reader, writer, closed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            for task in (reader, closed):
                task.cancel()
            for operation in list(self.operations.values()):
                self._forget(operation)
            try:
                await self._say_why(writer)
            finally:
                self.newsroom.rise(self)

    async def _say_why(self, writer: asyncio.Task[None]) -> None:
        """Send what waits and the close frame, if the peer takes them."""
        self.outgoing.finish(at_once=self.closing is None or self.closing.code == 1013)
        try:
            async with asyncio.timeout(CLOSING_SECONDS):
                await writer
                if self.closing is not None:
                    reason = self.closing.reason.encode()[:MAX_REASON].decode(errors="ignore")
                    code = self.closing.code
                    await self.send({"type": "websocket.close", "code": code, "reason": reason})
        except (OSError, RuntimeError, TimeoutError):
            # The peer is gone or does not read: the server cuts the connection.
            writer.cancel()

    async def _send_text(self, message: bytes) -> None:
        await self.send({"type": "websocket.send", "text": message.decode()})

    def close(self, code: int, reason: str) -> None:
        """Close with this code, unless the socket is being closed already."""
        if self.closing is None:
            self.closing = _CloseError(code, reason)
            self._closed.set()

    def end(self, why: Ending) -> None:
        """Follower's: the right has ended, or the peer cannot keep up."""
        self.close(CLOSES[why], why.value)
        for operation in list(self.operations.values()):
            self._forget(operation)

    def put(self, *parts: bytes) -> None:
        """Send the message when its turn comes; a socket that is too slow is closed."""
        if not self.outgoing.put(*parts) and self.closing is None:
            self.end(Ending.BEHIND)

    def _too_late(self) -> None:
        if not self.asked:
            self.close(4408, "Connection initialisation timeout")

    # Messages ------------------------------------------------------------------------------

    async def _read(self) -> None:
        try:
            while (message := await self.receive())["type"] == "websocket.receive":
                await self._hear(_read_message(message))
        except _CloseError as wrong:
            self.close(wrong.code, wrong.reason)
        except Exception as error:
            errors_of(error)
            self.close(1011, "Internal error")

    async def _hear(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "connection_init":
                await self._initialise(_payload(message))
            case "ping":
                payload = _payload(message)
                more = {"payload": payload} if payload is not None else {}
                self.put(as_bytes({"type": "pong", **more}))
            case "pong":
                _payload(message)
            case "subscribe":
                self._subscribe(_id(message), message.get("payload"))
            case "complete":
                if (operation := self.operations.get(_id(message))) is not None:
                    self._forget(operation)
            case _:
                raise _CloseError(4400, "Unknown message type")

    async def _initialise(self, payload: dict[str, Any] | None) -> None:
        if self.asked:
            raise _CloseError(4429, "Too many initialisation requests")
        self.asked = True
        request = _request(self.scope, payload or {})
        try:
            Follower.__init__(self, request, await self.desk.authenticate(request))
            self.newsroom.sit(self)
        except Unauthorized as refusal:
            raise _CloseError(4403, f"Forbidden: {refusal.message}") from None
        except RequestError as error:
            code = 1013 if error.status in (429, 503) else 4403
            raise _CloseError(code, error.errors[0].message) from None
        self.acknowledged = True
        self.put(b'{"type":"connection_ack"}')

    def _subscribe(self, name: str, payload: Any) -> None:
        if not self.acknowledged:
            raise _CloseError(4401, "Unauthorized")
        if name in self.operations:
            raise _CloseError(4409, f"Subscriber for {name} already exists")
        if not _is_request(payload):
            raise _CloseError(4400, "Invalid subscribe payload")
        operation = _Operation(name)
        # What was completed counts for as long as it runs.
        busy = len({*self.operations.values(), *self.running})
        if busy >= SUBSCRIPTIONS_EACH:
            error = too_many("operations", SUBSCRIPTIONS_EACH, RequestCode.TOO_MANY_SUBSCRIPTIONS)
            self._tell(operation, "error", as_bytes(errors_of(error)))
            return
        self.operations[name] = operation
        task = asyncio.create_task(self._operate(operation, payload))
        self.running[operation] = task
        task.add_done_callback(lambda done: self.running.pop(operation))

    # Operations ----------------------------------------------------------------------------

    async def _operate(self, operation: "_Operation", payload: dict[str, Any]) -> None:
        try:
            async with self.turns:
                with patience():
                    actor: Actor = await self.desk.authenticate(self.request)
                    asked = await self.desk.ask(self.request, actor, payload)
            if isinstance(asked, Answer):
                if self._holds(operation):
                    self._tell(operation, "next", asked.body())
                    self._forget(operation)
                    self.put(b'{"id":%s,"type":"complete"}' % operation.key)
                return
            subscription = Subscription(
                self, asked, lambda body: self._tell(operation, "next", body)
            )
            if self._holds(operation):
                await self.newsroom.follow(subscription)
                operation.subscription = subscription
                if not self._holds(operation):
                    self.newsroom.leave(subscription)
        except Unauthorized as refusal:
            self.close(4403, f"Forbidden: {refusal.message}")
        except Exception as error:
            told = as_bytes(errors_of(error))
            if self._holds(operation):
                self._forget(operation)
                self._tell(operation, "error", told)

    def _holds(self, operation: "_Operation") -> bool:
        """Whether the operation is still wanted."""
        return self.operations.get(operation.name) is operation

    def _forget(self, operation: "_Operation") -> None:
        del self.operations[operation.name]
        if operation.subscription is not None:
            self.newsroom.leave(operation.subscription)

    def _tell(self, operation: "_Operation", kind: str, payload: bytes) -> None:
        self.put(b'{"id":%s,"type":"%s","payload":' % (operation.key, kind.encode()), payload, b"}")


class _Operation:
    """One operation under way."""

    __slots__ = ("key", "name", "subscription")

    def __init__(self, name: str) -> None:
        self.name = name
        self.key = json.dumps(name).encode()
        self.subscription: Subscription | None = None


def _read_message(message: Message) -> dict[str, Any]:
    text = message.get("text")
    if text is None:
        raise _CloseError(4400, "Messages are text")
    if len(text) > MAX_BODY:
        raise _CloseError(1009, f"A message holds at most {MAX_BODY} characters")
    try:
        found = read_json(text.encode("utf-8", "surrogatepass"))
    except RequestError:
        raise _CloseError(4400, "Messages are JSON") from None
    if not isinstance(found, dict) or not isinstance(found.get("type"), str):
        raise _CloseError(4400, "A message is an object with a type")
    return found


def _payload(message: dict[str, Any]) -> dict[str, Any] | None:
    payload = message.get("payload")
    if payload is not None and not isinstance(payload, dict):
        raise _CloseError(4400, f"Invalid {message['type']} payload")
    return payload


def _id(message: dict[str, Any]) -> str:
    name = message.get("id")
    if not isinstance(name, str) or not 0 < len(name) <= MAX_ID:
        raise _CloseError(4400, f"An id is a text of 1 to {MAX_ID} characters")
    return name


def _is_request(payload: Any) -> bool:
    """Whether it has the shape of a GraphQL request."""
    if not isinstance(payload, dict):
        return False
    kinds: dict[str, type] = {"query": str, "documentId": str, "operationName": str}
    kinds |= dict.fromkeys(("variables", "extensions"), dict)
    if payload.get("query") is None and payload.get("documentId") is None:
        return False
    return all(payload.get(n) is None or isinstance(payload[n], k) for n, k in kinds.items())


def _request(scope: Scope, payload: dict[str, Any]) -> Request:
    """The handshake as a request, with the credential of the payload if it has one."""
    given = payload.get("authorization", payload.get("Authorization"))
    headers = scope["headers"]
    if isinstance(given, str):
        headers = [(name, value) for name, value in headers if name != b"authorization"]
        headers = [*headers, (b"authorization", given.encode("latin-1", "replace"))]
    return Request({**scope, "type": "http", "method": "GET", "headers": headers})
