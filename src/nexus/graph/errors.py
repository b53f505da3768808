"""Errors of a request as a whole: its HTTP status, its published code, its GraphQL errors."""

import json
import logging
import traceback
from enum import StrEnum
from typing import Any

import asyncpg
from graphql import GraphQLError
from sqlalchemy.exc import DBAPIError

from nexus.core.ids import new_id

log = logging.getLogger(__name__)


class RequestCode(StrEnum):
    """`extensions.code` of an error that no slice raised."""

    BAD_JSON = "BAD_JSON"
    MALFORMED_REQUEST = "MALFORMED_REQUEST"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    NOT_ACCEPTABLE = "NOT_ACCEPTABLE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    BODY_TOO_LARGE = "BODY_TOO_LARGE"
    REQUEST_TIMEOUT = "REQUEST_TIMEOUT"
    URI_TOO_LONG = "URI_TOO_LONG"
    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    DOCUMENT_TOO_LARGE = "DOCUMENT_TOO_LARGE"
    OPERATION_NAME_MISSING = "OPERATION_NAME_MISSING"
    OPERATION_UNKNOWN = "OPERATION_UNKNOWN"
    OPERATION_UNSUPPORTED = "OPERATION_UNSUPPORTED"
    VARIABLES_INVALID = "VARIABLES_INVALID"
    COST_EXCEEDED = "COST_EXCEEDED"
    QUOTA_EXHAUSTED = "QUOTA_EXHAUSTED"
    TOO_MANY_AT_ONCE = "TOO_MANY_AT_ONCE"
    TOO_MANY_SUBSCRIPTIONS = "TOO_MANY_SUBSCRIPTIONS"
    TOO_MANY_CONNECTIONS = "TOO_MANY_CONNECTIONS"
    INSUFFICIENT_SCOPE = "INSUFFICIENT_SCOPE"
    ADDRESS_NOT_ALLOWED = "ADDRESS_NOT_ALLOWED"
    DOCUMENT_ID_REQUIRED = "DOCUMENT_ID_REQUIRED"
    DOCUMENT_UNKNOWN = "DOCUMENT_UNKNOWN"
    BAD_VALUE = "BAD_VALUE"
    TIMEOUT = "TIMEOUT"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL = "INTERNAL"


class RequestError(Exception):
    """A request that cannot be executed. `headers` go with the answer (Allow, Retry-After)."""

    def __init__(
        self,
        status: int,
        code: str,
        errors: list[GraphQLError] | str,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.errors = [GraphQLError(errors)] if isinstance(errors, str) else errors
        self.headers = headers or {}


def told(message: str, code: str, **more: Any) -> dict[str, Any]:
    """A GraphQL error with its code; `path` beside the message, the rest in `extensions`."""
    path = {"path": more.pop("path")} if "path" in more else {}
    return {"message": message, **path, "extensions": {"code": code, **more}}


def masked(error: Exception, **more: Any) -> dict[str, Any]:
    """What a caller is told of a fault of ours: nothing but the number to quote."""
    request_id = str(new_id())
    log.error("request %s failed: %s\n%s", request_id, type(error).__name__, _trace(error))
    message = f"Something failed on our side; quote request {request_id} when you report it."
    return told(message, RequestCode.INTERNAL, requestId=request_id, **more)


def _trace(error: BaseException) -> str:
    """Where it happened. What a database says of it is left out, for it repeats values."""
    chain = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) not in (None, *chain):
        assert cause is not None
        chain.append(cause)
    faults = [one for one in chain if isinstance(one, DBAPIError | asyncpg.PostgresError)]
    if not faults:
        return "".join(traceback.format_exception(error))
    names = [type(one).__name__ for one in faults]
    names += [name for one in faults if (name := getattr(one, "constraint_name", None))]
    return "".join(traceback.format_tb(error.__traceback__)) + " ".join(names)


def as_bytes(value: Any) -> bytes:
    """JSON in UTF-8. A lone surrogate, which a caller can send escaped, becomes `?`."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
