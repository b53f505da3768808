"""Files on their way in, and their parts."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import Base, Id
from nexus.core.states import Transitions


class UploadState(StrEnum):
    REQUESTED = "requested"
    RECEIVING = "receiving"
    RECEIVED = "received"
    USED = "used"
    EXPIRED = "expired"


_U = UploadState
KEPT = (_U.REQUESTED, _U.RECEIVING, _U.RECEIVED)
TRANSITIONS = Transitions(
    UploadState,
    {
        "receive": {_U.REQUESTED: _U.RECEIVING},
        "interrupt": {_U.RECEIVING: _U.REQUESTED},
        "complete": {_U.RECEIVING: _U.RECEIVED},
        "use": {_U.RECEIVED: _U.USED},
        "expire": dict.fromkeys(KEPT, _U.EXPIRED),
    },
)


class Upload(Base):
    """A file that an account may put once."""

    __tablename__ = "upload"

    id: Mapped[Id]
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    file_name: Mapped[str]
    content_type: Mapped[str]
    """What the PUT must say."""
    link: Mapped[str]
    """The signed path to put it at."""
    state: Mapped[UploadState] = mapped_column(default=_U.REQUESTED)
    version: Mapped[int] = mapped_column(default=1)
    bytes: Mapped[int | None]
    sha256: Mapped[str | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    moved_at: Mapped[datetime | None]
    """When the PUT that is under way last brought something."""

    __table_args__ = (
        CheckConstraint(
            "state NOT IN ('received', 'used') OR (bytes IS NOT NULL AND sha256 IS NOT NULL)",
            name="received_whole",
        ),
        Index(
            "ix_upload_kept",
            "expires_at",
            postgresql_where="state IN ('requested', 'receiving', 'received')",
        ),
    )


class UploadChunk(Base):
    """A part of a file, sealed."""

    __tablename__ = "upload_chunk"

    upload_id: Mapped[UUID] = mapped_column(ForeignKey("upload.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    ciphertext: Mapped[bytes] = mapped_column(LargeBinary)
