"""State × verb × actor: each pair tried, undone, and looked after for what a refusal changed."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Act, Actor, Role
from nexus.core.ids import new_id
from nexus.core.refusals import Refusal
from nexus.recipients.attestations.rules import session_info as attestor_info
from nexus.recipients.vault.rules import session_info
from tests.deeds import VAULT_KEY
from tests.making import now

Deed = Callable[..., Awaitable[Any]]
Verbs = Mapping[str, tuple[Deed, dict[str, Any]]]
"""Verb → the deed and what it is given besides the row and its version."""
ROLES = [role for role in Role if role is not Role.ANONYMOUS]


def somebody(role: Role, organization_id: Any, area: str = "44") -> Actor:
    """One of the role in the organization, who has had no hand in anything yet."""
    return Actor(role, new_id(), organization_id, "" if role is Role.SYSTEM else area, now())


async def every_pair(
    engine: AsyncEngine,
    rows: Iterable[Any],
    verbs: Verbs,
    actors: Mapping[Any, Actor],
    expected: Callable[[Any, str, Any], str],
) -> list[tuple[Any, ...]]:
    """What came out otherwise than expected: the state reached, or the refusal's code.

    A refused deed must have changed neither the row nor the history.
    """
    wrong: list[tuple[Any, ...]] = []
    info = session_info(VAULT_KEY) | attestor_info(VAULT_KEY)
    async with AsyncSession(engine, expire_on_commit=False, info=info) as session:
        for row in rows:
            before = await _stands(session, row)
            for verb, (deed, given) in verbs.items():
                for name, actor in actors.items():
                    wanted = expected(row, verb, name)
                    found = await _tried(session, row, deed, given, actor, wanted)
                    if found != wanted:
                        wrong.append((row.state.value, verb, name, found))
            if await _stands(session, row) != before:
                wrong.append((row.state.value, "was changed by a refused deed"))
        await session.rollback()
    return wrong


async def _tried(
    session: AsyncSession, row: Any, deed: Deed, given: dict[str, Any], actor: Actor, wanted: str
) -> str:
    """What should succeed is undone; what should be refused is not, so that traces show."""
    point = None if wanted.isupper() else await session.begin_nested()
    try:
        made = await deed(Act(session, actor), row.id, expected_version=row.version, **given)
        await session.flush()
        return str(made.state.value)
    except Refusal as refusal:
        await session.flush()
        return refusal.code
    finally:
        if point is not None:
            await point.rollback()
        session.expunge_all()


async def _stands(session: AsyncSession, row: Any) -> Any:
    """The row and the length of its history."""
    found = await session.execute(
        text(
            f"SELECT to_json(t)::text, (SELECT count(*) FROM event WHERE object_id = t.id) "
            f"FROM {row.__tablename__} t WHERE id = :id"
        ),
        {"id": row.id},
    )
    return tuple(found.one())
