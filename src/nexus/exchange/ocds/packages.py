"""Release and record packages (OCDS 1.1): the kept texts as they are, and a head around them."""

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

VERSION = "1.1"
PUBLISHER = "nexus"


@dataclass(frozen=True, slots=True)
class Head:
    """What stands around the releases or records of a package. `uri` is its own address."""

    uri: str
    published_at: datetime
    publisher_uri: str | None = None
    next_uri: str | None = None
    """The page after this one."""

    def as_dict(self) -> dict[str, Any]:
        publisher = {"name": PUBLISHER}
        if self.publisher_uri:
            publisher["uri"] = self.publisher_uri
        found: dict[str, Any] = {
            "uri": self.uri,
            "version": VERSION,
            "publishedDate": self.published_at.replace(microsecond=0).isoformat(),
            "publisher": publisher,
        }
        return found | ({"links": {"next": self.next_uri}} if self.next_uri else {})


@dataclass(frozen=True, slots=True)
class RecordText:
    """A process: its releases as they are, and what they come to."""

    ocid: str
    releases: Sequence[str]
    compiled: dict[str, Any]


def release_package(head: Head, releases: Iterable[str]) -> str:
    """The package as JSON text; each release is in it to the letter."""
    return _package(head, "releases", releases)


def record_package(head: Head, records: Iterable[RecordText]) -> str:
    """The package as JSON text."""
    return _package(head, "records", map(record, records))


def record(one: RecordText) -> str:
    """A record with its releases embedded, as JSON text."""
    ocid, compiled = (json.dumps(part, ensure_ascii=False) for part in (one.ocid, one.compiled))
    releases = ",\n".join(one.releases)
    return f'{{"ocid": {ocid}, "releases": [\n{releases}\n], "compiledRelease": {compiled}}}'


async def pieces(head: Head, name: str, texts: AsyncIterator[str]) -> AsyncIterator[str]:
    """A package of `name` in pieces: its beginning, each text, its end."""
    begins = True
    yield f'{json.dumps(head.as_dict(), ensure_ascii=False)[:-1]}, "{name}": ['
    async for text in texts:
        yield ("\n" if begins else ",\n") + text
        begins = False
    yield "\n]}\n"


def _package(head: Head, name: str, texts: Iterable[str]) -> str:
    around = json.dumps(head.as_dict(), ensure_ascii=False)[:-1]
    listed = ",\n".join(texts)
    return f'{around}, "{name}": [\n{listed}\n]}}\n'
