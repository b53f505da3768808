"""A JSON text becomes the releases and records in it, each with the very characters it had."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

from nexus.exchange.ocds.model import DocumentKind
from nexus.exchange.reading.tables import FileRefused

MAX_DEPTH = 60
_SPACE = re.compile(r"[ \t\r\n\ufeff]*")
_LISTS = ("records", "releases")
_WRAPPERS = ("results", "packages", "data", "items", "hits")
"""Lists in which other people's interfaces wrap packages."""
_RECORD_MARKS = ("compiledRelease", "versionedRelease")
_RELEASE_MARKS = frozenset({"ocid", "tag", "tender", "awards", "contracts", "planning", "buyer"})


@dataclass(frozen=True, slots=True)
class Found:
    """One release or record. `original` is its text, `package` that of what stood around it."""

    file: str
    number: int
    kind: DocumentKind
    original: str
    content: dict[str, Any]
    package: str | None = None


@dataclass(frozen=True, slots=True)
class NotTaken:
    """An element of a file that is neither."""

    file: str
    number: int
    code: str
    message: str


@dataclass
class _Text:
    """The text, and what its decoder has met."""

    text: str
    file: str
    repeated: list[str] = field(default_factory=list)
    number: int = 0

    def __post_init__(self) -> None:
        self.decoder = json.JSONDecoder(
            object_pairs_hook=self._object, parse_float=_number, parse_constant=_constant
        )

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            self.repeated.extend(sorted({name for name in names if names.count(name) > 1}))
        return found

    def skip(self, at: int) -> int:
        found = _SPACE.match(self.text, at)
        return found.end() if found else at

    def value(self, at: int) -> tuple[Any, int]:
        """The value that begins here, and where it ends. FileRefused."""
        self.repeated = []
        try:
            return self.decoder.raw_decode(self.text, at)
        except json.JSONDecodeError as error:
            self.refuse(error.pos, error.msg)
        except RecursionError:
            self.refuse(at, "values are nested too deep")
        except ValueError as error:
            self.refuse(at, str(error))

    def refuse(self, at: int, what: str) -> NoReturn:
        rest = self.text[at:].strip()
        cut = "Unterminated" in what or not rest
        line = self.text.count("\n", 0, at) + 1
        told = (
            f"the JSON text ends in line {line} before it is complete: fetch the file again."
            if cut
            else f"no JSON at line {line}: {what}."
        )
        reason = "cut_off" if cut else "malformed"
        raise FileRefused(f"{self.file}: {told}", reason=reason, file=self.file)

    def members(self, at: int) -> Iterator[tuple[str, int, int]]:
        """The members of the object that begins here, known to be well formed: name, span."""
        at = self.skip(at + 1)
        while self.text[at] != "}":
            name, at = self.value(at)
            start = self.skip(self.skip(at) + 1)
            _, end = self.value(start)
            yield name, start, end
            at = self.skip(end)
            at = self.skip(at + 1) if self.text[at] == "," else at

    def elements(self, at: int) -> Iterator[tuple[int, Any]]:
        """The elements of the array that begins here, known to be well formed: start, value."""
        at = self.skip(at + 1)
        while self.text[at] != "]":
            element, end = self.value(at)
            yield at, element
            at = self.skip(end)
            at = self.skip(at + 1) if self.text[at] == "," else at


def documents_in(text: str, *, file: str) -> Iterator[Found | NotTaken]:
    """What the text holds: a release, a record, packages, arrays, or one of these on each line.

    `number` counts what is found, from 1. FileRefused where the text is no JSON.
    """
    source = _Text(text, file)
    at = source.skip(0)
    while at < len(text):
        value, end = source.value(at)
        yield from _within(source, at, value, None)
        at = source.skip(end)


def content_of(original: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """(the content of a document that is kept, the names that an object in it has twice)."""
    source = _Text(original, "")
    content, _ = source.value(0)
    return content, tuple(dict.fromkeys(source.repeated))


def digest_of(content: dict[str, Any]) -> str:
    """SHA-256 in hexadecimal; the order of names and the spaces between them do not count."""
    plain = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()


def storable(value: Any) -> Any:
    """The value with U+FFFD for what the database cannot hold: U+0000 and half characters."""
    if isinstance(value, dict):
        return {storable(name): storable(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [storable(inner) for inner in value]
    if isinstance(value, str):
        whole = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return whole.replace("\0", "\ufffd")
    return value


def _within(source: _Text, at: int, value: Any, package: str | None) -> Iterator[Found | NotTaken]:
    if isinstance(value, list):
        for start, element in source.elements(at):
            yield from _within(source, start, element, package)
        return
    if not isinstance(value, dict):
        yield _not_taken(source, "NO_OBJECT", "This is no JSON object.")
        return
    if any(mark in value for mark in _RECORD_MARKS) or (
        "ocid" in value and isinstance(value.get("releases"), list)
    ):
        yield from _record(source, at, package)
    elif lists := [name for name in _LISTS if isinstance(value.get(name), list)]:
        around = {name: kept for name, kept in value.items() if name not in _LISTS}
        told = json.dumps(around, ensure_ascii=False)
        for name in lists:
            yield from _listed(source, at, name, told)
    elif _RELEASE_MARKS & value.keys():
        yield _found(source, at, DocumentKind.RELEASE, package)
    elif wrapper := next((name for name in _WRAPPERS if isinstance(value.get(name), list)), None):
        yield from _listed(source, at, wrapper, package)
    else:
        told = ", ".join(sorted(value)[:5]) or "nothing"
        message = f"Neither a release nor a record nor a package of them: it has {told}."
        yield _not_taken(source, "NO_RELEASE", message)


def _listed(source: _Text, at: int, name: str, package: str | None) -> Iterator[Found | NotTaken]:
    for member, start, _ in source.members(at):
        if member == name and source.text[start] == "[":
            for place, element in source.elements(start):
                yield from _within(source, place, element, package)


def _record(source: _Text, at: int, package: str | None) -> Iterator[Found | NotTaken]:
    """The record itself, then the releases embedded in it; links to others stay in the record."""
    yield _found(source, at, DocumentKind.RECORD, package)
    for member, start, _ in source.members(at):
        if member != "releases" or source.text[start] != "[":
            continue
        for place, element in source.elements(start):
            if not is_link(element):
                yield from _within(source, place, element, package)


def is_link(element: Any) -> bool:
    """Whether an entry of a record's releases is only the address of one."""
    return (
        isinstance(element, dict)
        and "url" in element
        and not _RELEASE_MARKS - {"tag"} & element.keys()
    )


def _found(source: _Text, at: int, kind: DocumentKind, package: str | None) -> Found | NotTaken:
    content, end = source.value(at)
    if _depth(content) > MAX_DEPTH:
        return _not_taken(source, "TOO_DEEP", f"Values are nested more than {MAX_DEPTH} deep.")
    source.number += 1
    original = source.text[at:end]
    return Found(source.file, source.number, kind, original, content, package)


def _not_taken(source: _Text, code: str, message: str) -> NotTaken:
    source.number += 1
    return NotTaken(source.file, source.number, code, message)


def _depth(value: Any) -> int:
    """How deep objects and arrays are nested, without recursion."""
    depth, level = 0, [value]
    while level := [
        inner
        for outer in level
        if isinstance(outer, dict | list)
        for inner in (outer.values() if isinstance(outer, dict) else outer)
    ]:
        depth += 1
    return depth


def _number(text: str) -> float | str:
    """A number with a point; one that no machine holds stays text, and is found so."""
    found = float(text)
    return found if abs(found) != float("inf") else text


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
