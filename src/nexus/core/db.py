"""The declarative base, its column conventions, and the engine."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Constraint,
    Date,
    DateTime,
    Enum,
    MetaData,
    Numeric,
    Table,
    Text,
    Uuid,
    make_url,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.types import UserDefinedType

from nexus.core.ids import new_id

Id = Annotated[UUID, mapped_column(primary_key=True, default=new_id)]
Fen = Annotated[int, mapped_column(BigInteger)]
"""Money: integer fen (1/100 yuan)."""
AreaCode = Annotated[str, mapped_column(Text(collation="C"))]
"""A division's code. Collated "C", so that a territory is an index range of its prefix."""


class TransactionId(UserDefinedType[int]):
    """PostgreSQL's xid8: the number of a top-level transaction, never reused."""

    cache_ok = True

    def get_col_spec(self, **kw: Any) -> str:
        return "xid8"


def _check_name(constraint: Constraint, table: Table) -> str:
    """An enum's CHECK is named by its column: one enum may type two columns of a table."""
    if isinstance(constraint, CheckConstraint) and constraint._type_bound:
        return f"{next(iter(constraint.columns)).name}_known"
    return str(constraint.name)


class Base(DeclarativeBase):
    """Every table. Types follow the annotation: StrEnum is checked text, Decimal NUMERIC(14,3)."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "constraint_name": _check_name,
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        StrEnum: Enum(
            StrEnum,
            native_enum=False,
            create_constraint=True,
            length=40,
            values_callable=lambda members: [member.value for member in members],
        ),
        str: Text(),
        UUID: Uuid(),
        Decimal: Numeric(14, 3),
        datetime: DateTime(timezone=True),
        date: Date(),
        list[str]: ARRAY(Text()),
        list[UUID]: ARRAY(Uuid()),
        dict[str, Any]: JSONB(),
    }


def make_engine(url: str, *, pool_size: int = 10) -> AsyncEngine:
    """An engine over asyncpg. `url` is a postgresql:// address; times come back in UTC."""
    address = make_url(url).set(drivername="postgresql+asyncpg")
    # libpq's `options` in an address is a setting of the server to asyncpg.
    settings = {"timezone": "UTC", "jit": "off"}
    if options := address.query.get("options"):
        settings["options"] = str(options)
    return create_async_engine(
        address.difference_update_query(["options"]),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=2,
        hide_parameters=True,
        connect_args={"server_settings": settings},
    )
