"""Every state of a picture × every verb × every role: what is listed succeeds, all else refuses."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import STATION, Act, Actor, Role
from nexus.casework.visits.model import VisitState
from nexus.casework.visits.pictures import operations, rules
from nexus.casework.visits.pictures.model import (
    TRANSITIONS,
    PictureContent,
    PictureKind,
    PictureState,
    VisitPicture,
)
from nexus.core.ids import new_id
from nexus.core.refusals import Refusal
from nexus.core.signing import session_info
from tests.casework.visiting import Place, a_place, put_visit
from tests.deeds import VAULT_KEY, actor_of
from tests.making import making, now
from tests.pictures import jpeg

P = PictureState
ALBUM = rules.Album(VAULT_KEY)
IMAGE = jpeg()


@pytest.fixture(scope="module")
async def place(engine: AsyncEngine) -> Place:
    return await a_place(engine)


@pytest.fixture(scope="module")
async def rows(engine: AsyncEngine, place: Place) -> dict[PictureState, VisitPicture]:
    """One in each state, of the worker."""
    visit = await put_visit(engine, place, VisitState.DONE)
    made = {}
    async with making(engine) as m:
        for at, state in enumerate(P):
            digest = hashlib.sha256(IMAGE).hexdigest()
            there = {"kept_at": now(), "kept_bytes": 1, "kept_sha256": digest}
            gone = {"removed_at": now(), "removed_by": place.lead.id, "state_reason": "错"}
            row = VisitPicture(
                id=new_id(),
                visit_id=visit.id,
                kind=PictureKind.PHOTO,
                content_type="image/jpeg",
                bytes=len(IMAGE),
                sha256=digest if state is P.REQUESTED else str(at) * 64,
                taken_at=now(),
                link="/",
                expires_at=now(),
                state=state,
                created_at=now(),
                created_by=place.worker.id,
                **(there | {"width": 1, "height": 1} if state in (P.KEPT, P.REMOVED) else {}),
                **(gone if state is P.REMOVED else {}),
            )
            content = PictureContent(picture_id=row.id, ciphertext=b"x", key_version=1)
            await m.put(row, *([content] if state is P.KEPT else []))
            made[state] = row
    return made


async def _keep(act: Act, row: VisitPicture) -> Any:
    return await operations.keep_picture(act, row.id, ALBUM, IMAGE)


async def _open(act: Act, row: VisitPicture) -> Any:
    await operations.open_picture(act, row.id)
    return await act.session.get_one(VisitPicture, row.id)


async def _remove(act: Act, row: VisitPicture) -> Any:
    return await operations.remove_picture(
        act, row.id, expected_version=row.version, reason="拍错了"
    )


VERBS = {"keep": _keep, "open": _open, "remove": _remove}


@pytest.fixture(scope="module")
async def session(engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    info = session_info(VAULT_KEY)
    async with AsyncSession(engine, expire_on_commit=False, info=info) as session:
        yield session
        await session.rollback()


def expected(state: PictureState, verb: str, role: Role) -> str:
    """The state reached, or the code of the refusal."""
    if role is Role.SYSTEM:
        return "FORBIDDEN"
    if role not in STATION:
        return "NOT_FOUND"
    if verb == "remove" and role is Role.AIDE:
        return "FORBIDDEN"
    if verb == "open":
        return state.value if state is P.KEPT else "WRONG_STATE"
    if verb == "keep" and state is not P.REQUESTED:
        # The bytes are checked first: these rows were announced with others.
        return "PICTURE_DIFFERS"
    reached = {source: TRANSITIONS.after(verb, source) for source in TRANSITIONS.sources(verb)}.get(
        state
    )
    return reached.value if reached else "WRONG_STATE"


async def test_every_pair(
    session: AsyncSession, place: Place, rows: dict[PictureState, VisitPicture]
) -> None:
    own = {one.role: one for one in (place.lead, place.worker, place.aide)}
    wrong = []
    for state, row in rows.items():
        for verb, deed in VERBS.items():
            for role in Role:
                if role is Role.ANONYMOUS:
                    continue
                organization = place.station.organization_id
                stranger = Actor(role, new_id(), organization, "44", now())
                actor = actor_of(own[role]) if role in own else stranger
                found = await tried(session, actor, row, deed)
                if found != expected(state, verb, role):
                    wrong.append((state.value, verb, role.name, found))
    assert wrong == []


class UndoneError(Exception):
    """Rolls back what was tried."""


async def tried(session: AsyncSession, actor: Actor, row: VisitPicture, deed: Any) -> str:
    """What came of it; nothing stays done."""
    try:
        async with session.begin_nested():
            done = await deed(Act(session, actor), row)
            await session.flush()
            raise UndoneError(done.state.value)
    except UndoneError as undone:
        return str(undone)
    except Refusal as refusal:
        return refusal.code
    finally:
        await session.refresh(await session.get_one(VisitPicture, row.id))
