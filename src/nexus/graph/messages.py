"""Requests read: media types negotiated, parameters taken from a body or a URL."""

import json
import math
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from nexus.graph.errors import RequestCode, RequestError

GRAPHQL_RESPONSE = "application/graphql-response+json"
OFFERED = (GRAPHQL_RESPONSE, "application/json")
EVENT_STREAM = "text/event-stream"
PARAMETERS = ("query", "documentId", "operationName", "variables", "extensions")
MAX_URL_FIELDS = 50


@lru_cache(maxsize=256)
def negotiate(accept: bytes) -> str:
    """The media type of a success, by the Accept header's q-values; 406 when none fits."""
    if not accept.strip():
        return OFFERED[0]
    text = accept.decode("latin-1")
    new, old = (_quality(text, offered) for offered in OFFERED)
    if max(new, old) <= 0:
        message = f"Accept one of: {', '.join(OFFERED)}."
        raise RequestError(406, RequestCode.NOT_ACCEPTABLE, message)
    if new == old and GRAPHQL_RESPONSE not in text.lower():
        # Who takes anything but does not name the new type does not know of it.
        return OFFERED[1]
    return OFFERED[0] if new >= old else OFFERED[1]


@lru_cache(maxsize=256)
def accepts_events(accept: bytes) -> bool:
    """Whether the Accept header names event streams and does not rule them out."""
    text = accept.decode("latin-1")
    return EVENT_STREAM in text.lower() and _quality(text, EVENT_STREAM) > 0


@lru_cache(maxsize=256)
def wants_events(accept: bytes) -> bool:
    """Whether the Accept header names event streams, and rather than plain answers."""
    text = accept.decode("latin-1")
    plain = max(_quality(text, offered) for offered in OFFERED)
    return accepts_events(accept) and _quality(text, EVENT_STREAM) > plain


def _quality(accept: str, offered: str) -> float:
    """The q-value of the most specific range that matches."""
    kind = offered.split("/")[0]
    found: tuple[int, float] = (0, 0.0)
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        specific = {offered: 3, f"{kind}/*": 2, "*/*": 1}.get(name, 0)
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                quality = _number(parameter[2:])
            elif parameter.startswith("charset=") and not _is_utf8(parameter[8:]):
                quality = 0.0
        if specific > found[0]:
            found = (specific, quality)
    return found[1]


def _number(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        return 0.0
    return found if 0 <= found <= 1 else 0.0


def _is_utf8(charset: str) -> bool:
    return charset.strip('"') in ("utf-8", "utf8")


def wants_html(accept: bytes, query_string: bytes) -> bool:
    """Whether a browser asks for a page, not a program for data."""
    return b"text/html" in accept and b"query=" not in query_string


def check_content_type(content_type: bytes, encoding: bytes | None) -> None:
    """415 unless the body is plain JSON in UTF-8."""
    if not _is_json(content_type) or (encoding is not None and encoding.lower() != b"identity"):
        message = "Send application/json in UTF-8, not compressed."
        headers = {"Accept-Post": "application/json"}
        raise RequestError(415, RequestCode.UNSUPPORTED_MEDIA_TYPE, message, headers)


@lru_cache(maxsize=256)
def _is_json(content_type: bytes) -> bool:
    name, *parameters = (p.strip().lower() for p in content_type.decode("latin-1").split(";"))
    charsets = [p[8:] for p in parameters if p.startswith("charset=")]
    return name == "application/json" and all(_is_utf8(charset) for charset in charsets)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    found = float(text)
    if not math.isfinite(found):
        raise ValueError("this number is out of range")
    return found


_DECODER = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite)


def read_json(text: bytes) -> Any:
    """JSON in UTF-8 without byte order mark; 400 otherwise."""
    try:
        return _DECODER.decode(text.decode("utf-8"))
    except (ValueError, RecursionError):
        message = "The request is not well-formed JSON in UTF-8."
        raise RequestError(400, RequestCode.BAD_JSON, message) from None


def from_url(query_string: bytes) -> dict[str, Any]:
    """The parameters of a GET; an empty optional one counts as absent."""
    try:
        pairs = parse_qsl(
            query_string.decode("latin-1"), keep_blank_values=True, max_num_fields=MAX_URL_FIELDS
        )
    except ValueError:
        raise _malformed("The URL has too many parameters.") from None
    given: dict[str, Any] = {}
    for name, value in pairs:
        if name in given:
            raise _malformed(f"`{name}` is given twice.")
        if name in PARAMETERS and (value or name == "query"):
            given[name] = value
    for name in ("variables", "extensions"):
        if name in given:
            given[name] = read_json(given[name].encode("utf-8", "surrogatepass"))
    return checked(given)


def checked(given: Any) -> dict[str, Any]:
    """The shape of a GraphQL request, 422 otherwise; unknown properties are ignored."""
    if not isinstance(given, dict):
        raise _malformed("The request must be one JSON object.")
    if given.get("documentId") is None:
        if not isinstance(given.get("query"), str):
            raise _malformed("`query` must be a string.")
    elif given.get("query") is not None:
        raise _malformed("Send `query` or `documentId`, not both.")
    for name, kind in (
        ("documentId", str),
        ("operationName", str),
        ("variables", dict),
        ("extensions", dict),
    ):
        if given.get(name) is not None and not isinstance(given[name], kind):
            raise _malformed(f"`{name}` has the wrong type.")
    return given


def _malformed(message: str) -> RequestError:
    return RequestError(422, RequestCode.MALFORMED_REQUEST, message)
