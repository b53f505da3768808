"""Pictures of visits, their sealed bytes, and who asked to see them."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from nexus.casework.visits.model import Visit
from nexus.core.db import Base, Id
from nexus.core.states import Transitions


class PictureKind(StrEnum):
    PHOTO = "photo"
    SIGNATURE = "signature"


class Signer(StrEnum):
    """Whose signature it is."""

    RECIPIENT = "recipient"
    FAMILY = "family"
    GUARDIAN = "guardian"
    WITNESS = "witness"
    WORKER = "worker"


class PictureState(StrEnum):
    REQUESTED = "requested"
    KEPT = "kept"
    EXPIRED = "expired"
    REMOVED = "removed"


_P = PictureState
LIVE = (_P.REQUESTED, _P.KEPT)
TRANSITIONS = Transitions(
    PictureState,
    {
        "keep": {_P.REQUESTED: _P.KEPT},
        "expire": {_P.REQUESTED: _P.EXPIRED},
        "remove": {_P.KEPT: _P.REMOVED},
    },
)


class VisitPicture(Base):
    """One photo or signature of a visit."""

    __tablename__ = "visit_picture"

    id: Mapped[Id]
    visit_id: Mapped[UUID] = mapped_column(ForeignKey(Visit.id))
    kind: Mapped[PictureKind]
    signer: Mapped[Signer | None]
    caption: Mapped[str | None]
    content_type: Mapped[str]
    bytes: Mapped[int]
    """Of what is put; what is kept may be less."""
    sha256: Mapped[str]
    """Of what is put, in hex."""
    kept_bytes: Mapped[int | None]
    kept_sha256: Mapped[str | None]
    """Of what is kept, in hex: the picture without what a camera writes beside it."""
    width: Mapped[int | None]
    height: Mapped[int | None]
    taken_at: Mapped[datetime]
    """By the device's clock."""
    link: Mapped[str]
    """The signed path to put it at."""
    expires_at: Mapped[datetime]
    kept_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    removed_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)
    state: Mapped[PictureState] = mapped_column(default=_P.REQUESTED)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)

    __table_args__ = (
        CheckConstraint("(kind = 'signature') = (signer IS NOT NULL)", name="signed_by_somebody"),
        CheckConstraint(
            "content_type IN ('image/jpeg', 'image/png', 'image/webp')", name="type_known"
        ),
        CheckConstraint("bytes BETWEEN 1 AND 1048576", name="at_most_a_mebibyte"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="digest_shape"),
        CheckConstraint(
            "(state IN ('kept', 'removed')) = (kept_at IS NOT NULL) "
            "AND num_nulls(kept_at, kept_bytes, kept_sha256, width, height) IN (0, 5)",
            name="kept_whole",
        ),
        CheckConstraint(
            "(state = 'removed') = (removed_at IS NOT NULL) "
            "AND (removed_at IS NULL) = (removed_by IS NULL) "
            "AND (removed_at IS NULL OR state_reason IS NOT NULL)",
            name="removed_whole",
        ),
        Index("ix_visit_picture_visit_id", "visit_id", "created_at", "id"),
        Index(
            "uq_visit_picture_content",
            "visit_id",
            "kind",
            "sha256",
            unique=True,
            postgresql_where=text("state IN ('requested', 'kept')"),
        ),
        Index(
            "ix_visit_picture_requested",
            "expires_at",
            postgresql_where=text("state = 'requested'"),
        ),
    )


class PictureContent(Base):
    """The bytes of a picture, sealed. Written once; deleted when it is removed."""

    __tablename__ = "picture_content"

    picture_id: Mapped[UUID] = mapped_column(ForeignKey(VisitPicture.id), primary_key=True)
    ciphertext: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    key_version: Mapped[int]


class PictureView(Base):
    """One request to see a picture; who asked is kept."""

    __tablename__ = "picture_view"

    id: Mapped[Id]
    picture_id: Mapped[UUID] = mapped_column(ForeignKey(VisitPicture.id), index=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    link: Mapped[str]
    """The signed path."""
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime]

    __table_args__ = (Index("ix_picture_view_created_at", "created_at", "id"),)
