"""Documents run by their hash (GraphQL over HTTP, appendix on persisted documents).

`documentId` is `sha256:` and the 64 lower-case hex digits of the SHA-256 of the document's text.
A document is one of the manifest, which everybody may run, or one that the client registered. What
a hash stands for never changes, so what was found is kept.
"""

import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from nexus.acting import Actor
from nexus.graph.caching import Recent
from nexus.graph.errors import RequestCode, RequestError

PREFIX = "sha256:"
KEPT = 4_000_000
"""Characters of clients' documents kept."""
_IDENTIFIER = re.compile(rf"{PREFIX}[0-9a-f]{{64}}", re.ASCII)

Registered = Callable[[UUID, bytes], Awaitable[str | None]]
"""The text that an API client registered under a SHA-256 digest."""


def document_id(text: str) -> str:
    """The identifier of a document."""
    return PREFIX + hashlib.sha256(text.encode()).hexdigest()


def read_manifest(text: str) -> dict[str, str]:
    """`{identifier: document}` as JSON; ValueError when an identifier is not of its document."""
    manifest: dict[str, str] = json.loads(text)
    wrong = [known for known, document in manifest.items() if document_id(document) != known]
    if wrong:
        raise ValueError(f"these identifiers are not those of their documents: {wrong}")
    return manifest


async def nothing_registered(client_id: UUID, digest: bytes) -> str | None:
    """Where clients cannot register documents."""
    return None


class TrustedDocuments:
    """Turns a request into the document it asks for."""

    def __init__(
        self,
        manifest: Mapping[str, str] | None = None,
        registered: Registered = nothing_registered,
    ) -> None:
        self.manifest = manifest or {}
        self.registered = registered
        self._known: Recent[tuple[UUID, str], str] = Recent(KEPT)

    async def text(self, given: Mapping[str, Any], actor: Actor) -> str:
        """The document of the request. RequestError: 403 for free text of a client that runs
        registered documents only, 422 for an identifier that is unknown."""
        identifier = given.get("documentId")
        if identifier is not None:
            return self.manifest.get(identifier) or await self._registered(identifier, actor)
        if actor.grant is not None and actor.grant.documents_only:
            message = "This client runs registered documents only: send documentId, not query."
            raise RequestError(403, RequestCode.DOCUMENT_ID_REQUIRED, message)
        return str(given["query"])

    async def _registered(self, identifier: str, actor: Actor) -> str:
        client_id = actor.grant.client_id if actor.grant else None
        if _IDENTIFIER.fullmatch(identifier) is None:
            raise _unknown(f"documentId is {PREFIX} and 64 lower-case hexadecimal digits.")
        if client_id is None:
            raise _unknown("No document has this documentId.")
        key = (client_id, identifier)
        found = self._known.get(key)
        if found is None:
            digest = bytes.fromhex(identifier.removeprefix(PREFIX))
            found = await self.registered(client_id, digest)
            if found is None:
                raise _unknown("No document has this documentId: register it first.")
            self._known.put(key, found, len(found))
        return found


def _unknown(message: str) -> RequestError:
    return RequestError(422, RequestCode.DOCUMENT_UNKNOWN, message)
