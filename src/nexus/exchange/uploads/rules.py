"""What a file may be, and how its parts are sealed."""

import re
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

from nexus.core.crypto import DEFAULT, Profile
from nexus.core.refusals import GuardFailed, Invalid

CHEST = "chest"
"""The key of the Chest in `session.info`, put there by whoever makes the sessions."""
MAX_BYTES = 20 << 20
CHUNK_BYTES = 1 << 20
LIFE = timedelta(hours=24)
MAX_NAME = 240
"""Bytes in UTF-8: what file systems take, and 80 Chinese characters."""
MAX_KEPT = 20
"""Files of one account that wait to be imported."""
KEY_VERSION = 1
_SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CONTENT_TYPES = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".xlsx": _SHEET,
}
_UNFIT = re.compile(r"[\x00-\x1f\x7f/\\]")


class ChestClosed(GuardFailed):
    """This process was started without the key that seals files."""

    code = "UPLOADS_CLOSED"


class Chest:
    """Seals the parts of files with a key derived from the root."""

    def __init__(self, root: bytes, profile: Profile = DEFAULT) -> None:
        self.profile = profile
        size = profile.sealing.key_bytes
        self._key = profile.derive(root, f"nexus/upload/{KEY_VERSION}", size)

    def seal(self, plain: bytes, upload_id: UUID, position: int) -> bytes:
        """The part's ciphertext, good only in this place of this file."""
        return self.profile.sealing.seal(self._key, plain, _place(upload_id, position))

    def open(self, sealed: bytes, upload_id: UUID, position: int) -> bytes:
        """The part; SealError when it stands in another place."""
        return self.profile.sealing.open(self._key, sealed, _place(upload_id, position))


def _place(upload_id: UUID, position: int) -> bytes:
    return f"upload_chunk\x1f{upload_id}\x1f{position}\x1f{KEY_VERSION}".encode()


def chest_of(info: dict[Any, Any]) -> Chest:
    """The chest of a session's `info`; ChestClosed when it was made without one."""
    chest = info.get(CHEST)
    if not isinstance(chest, Chest):
        raise ChestClosed("Files cannot be taken here: the service was started without its key.")
    return chest


def session_info(root: bytes, profile: Profile = DEFAULT) -> dict[str, Any]:
    """What sessions carry so that files can be sealed and opened."""
    return {CHEST: Chest(root, profile)}


def check_name(file_name: str) -> str:
    """A file's own name, without a folder, of a kind that can be read."""
    kept = " ".join(file_name.split())
    length = len(kept.encode("utf-8", "replace"))
    if not 0 < length <= MAX_NAME or _UNFIT.search(kept) or kept.startswith("."):
        raise Invalid(f"A file name has 1 to {MAX_NAME} bytes, without a folder.", field="fileName")
    if PurePosixPath(kept).suffix.lower() not in CONTENT_TYPES:
        known = ", ".join(CONTENT_TYPES)
        raise Invalid(f"The name must end in one of: {known}.", field="fileName")
    return kept


def content_type_of(file_name: str) -> str:
    """The media type of a checked name."""
    return CONTENT_TYPES[PurePosixPath(file_name).suffix.lower()]
