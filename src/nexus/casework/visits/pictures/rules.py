"""What a picture may be, and how its bytes are sealed."""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from nexus.casework.visits.model import VisitState
from nexus.casework.visits.pictures.model import PictureKind, Signer
from nexus.core.crypto import DEFAULT, Profile, SealError
from nexus.core.images import JPEG, PNG, WEBP, Image, NotAnImageError, stripped
from nexus.core.refusals import GuardFailed, Invalid

ALBUM = "album"
"""The key of the Album in `session.info`, put there by whoever makes the sessions."""
MAX_BYTES = 1 << 20
TYPES = (JPEG, PNG, WEBP)
MOST = {PictureKind.PHOTO: 12, PictureKind.SIGNATURE: 4}
"""Pictures of a kind that a visit has at most."""
LIFE = timedelta(days=7)
"""How long the bytes may be put."""
SEEN_WITHIN = timedelta(minutes=5)
"""How long one look lasts."""
MAX_CAPTION = 200
AHEAD = timedelta(minutes=10)
"""What a device's clock may be ahead."""
KEY_VERSION = 1
CLOSED = (VisitState.CANCELLED, VisitState.EXCUSED, VisitState.RESCHEDULED)
"""Visits that took no place: nothing was seen at them."""
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class PictureRefused(GuardFailed):
    """The bytes are no picture that can be kept."""

    code = "PICTURE_REFUSED"


class PictureDiffers(GuardFailed):
    """Other bytes than those that were announced."""

    code = "PICTURE_DIFFERS"


class Album:
    """Seals pictures with a key derived from the root."""

    def __init__(self, root: bytes, profile: Profile = DEFAULT) -> None:
        self.profile = profile
        size = profile.sealing.key_bytes
        self._key = profile.derive(root, f"nexus/picture/{KEY_VERSION}", size)

    def seal(self, plain: bytes, picture_id: UUID) -> bytes:
        """The ciphertext, good for this picture only."""
        return self.profile.sealing.seal(self._key, plain, _place(picture_id))

    def open(self, sealed: bytes, picture_id: UUID) -> bytes:
        """The picture; SealError when the ciphertext is another one's."""
        return self.profile.sealing.open(self._key, sealed, _place(picture_id))


def session_info(root: bytes) -> dict[str, Any]:
    """What sessions carry so that deeds themselves can seal pictures."""
    return {ALBUM: Album(root)}


def album_of(info: Mapping[Any, Any]) -> Album:
    """The album of a session's `info`."""
    album: Album = info[ALBUM]
    return album


def _place(picture_id: UUID) -> bytes:
    return f"picture_content\x1f{picture_id}\x1f{KEY_VERSION}".encode()


def check_type(content_type: str) -> str:
    """One of the three that phones make."""
    if content_type not in TYPES:
        raise Invalid(f"contentType is one of {', '.join(TYPES)}.", field="contentType")
    return content_type


def check_size(size: int) -> int:
    """At most 1 MiB: a phone makes it smaller before it sends it."""
    if not 0 < size <= MAX_BYTES:
        raise Invalid(
            f"A picture has 1 to {MAX_BYTES} bytes: make it smaller.",
            field="bytes",
            maximum=MAX_BYTES,
        )
    return size


def check_digest(sha256: str) -> str:
    """SHA-256 in hex."""
    if not _DIGEST.match(given := sha256.lower()):
        raise Invalid("sha256 is the SHA-256 of the bytes, as 64 hex digits.", field="sha256")
    return given


def check_signer(kind: PictureKind, signer: Signer | None) -> Signer | None:
    """A signature is somebody's, a photo nobody's."""
    if (kind is PictureKind.SIGNATURE) != (signer is not None):
        raise Invalid("signer goes with a signature, and only with one.", field="signer")
    return signer


def check_taken(taken_at: datetime, now: datetime) -> datetime:
    """Not to come; a clock that is a little ahead is put right."""
    if taken_at > now + AHEAD:
        raise Invalid("takenAt lies ahead: set the device's clock.", field="takenAt")
    return min(taken_at, now)


def digest(content: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


def checked(content: bytes, content_type: str, sha256: str) -> Image:
    """The picture alone, of the bytes that were announced. PictureDiffers; PictureRefused."""
    if digest(content) != sha256:
        raise PictureDiffers(
            "These are not the bytes that were announced: request a picture of their own."
        )
    try:
        return stripped(content, content_type)
    except NotAnImageError as error:
        raise PictureRefused(
            f"This cannot be kept as {content_type}: {error}. Take the picture again."
        ) from None


def opened(album: Album, sealed: bytes, picture_id: UUID, sha256: str) -> bytes:
    """The picture that was kept. SealError when it is not the one."""
    plain = album.open(sealed, picture_id)
    if digest(plain) != sha256:
        raise SealError
    return plain
