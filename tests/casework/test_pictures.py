"""Photos and signatures of visits: put once, seen by the station, gone when they are removed."""

import asyncio
import hashlib
from datetime import date, timedelta
from itertools import count
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import STATION, Act, Actor, Role
from nexus.casework.model import Worker
from nexus.casework.visits.model import VisitState
from nexus.casework.visits.pictures import model, operations, policy, rules
from nexus.core.crypto import SealError
from nexus.core.refusals import Forbidden, NotFound
from nexus.core.signing import session_info
from nexus.graph.identifiers import encode
from tests.casework.visiting import FAR, Place, a_place, put_visit
from tests.conftest import Api
from tests.deeds import VAULT_KEY, actor_of, count_of, events_of
from tests.making import making, now, today
from tests.pictures import SECRET, jpeg, png

KEYS = count(1)
REQUEST = """
mutation($input: RequestPictureInput!) { requestPicture(input: $input) {
  ... on VisitPicture { id state url contentType version allowedActions author { id } }
  ... on Refusal { code message field details }
} }
"""
OPEN = """
mutation($input: OpenPictureInput!) { openPicture(input: $input) {
  ... on PictureView { id url expiresAt picture { id } }
  ... on Refusal { code message }
} }
"""
REMOVE = """
mutation($input: TransitionInput!) { removePicture(input: $input) {
  ... on VisitPicture { id state stateReason version }
  ... on Refusal { code message }
} }
"""
READ = """
query($id: ID!) { node(id: $id) { ... on Visit { pictures(first: 20) { nodes {
  id kind signer caption state width height bytes allowedActions
} } } } }
"""


@pytest.fixture(scope="module")
async def place(engine: AsyncEngine) -> Place:
    return await a_place(engine)


class Phone:
    """One account's telephone."""

    def __init__(self, api: Api, client: httpx.AsyncClient, account: Any) -> None:
        self.api, self.client, self.account = api, client, account

    async def ask(self, document: str, **given: Any) -> dict[str, Any]:
        given = {"idempotencyKey": f"key-{next(KEYS)}", **given}
        answer = await self.api(self.account)(document, input=given)
        assert "errors" not in answer, answer
        found: dict[str, Any] = next(iter(answer["data"].values()))
        return found

    async def announce(self, visit: Any, content: bytes, **given: Any) -> dict[str, Any]:
        return await self.ask(
            REQUEST, **{"visitId": encode("Visit", visit.id)} | announced(content) | given
        )

    async def put(self, url: str, content: bytes, kind: str = "image/jpeg") -> httpx.Response:
        return await self.client.put(url, content=content, headers={"content-type": kind})

    async def keep(self, visit: Any, content: bytes, **given: Any) -> dict[str, Any]:
        row = await self.announce(visit, content, **given)
        answer = await self.put(row["url"], content, row["contentType"])
        assert answer.status_code == 200, answer.text
        return row

    async def see(self, picture: dict[str, Any]) -> httpx.Response:
        view = await self.ask(OPEN, pictureId=picture["id"])
        return await self.client.get(view["url"])


def announced(content: bytes) -> dict[str, Any]:
    return {
        "kind": "PHOTO",
        "contentType": "image/jpeg",
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "takenAt": (now() - timedelta(hours=1)).isoformat(),
    }


@pytest.fixture
def phone(api: Api, client: httpx.AsyncClient, place: Place) -> Phone:
    return Phone(api, client, place.worker)


async def test_a_photo_and_a_signature_come_and_are_seen(
    engine: AsyncEngine, phone: Phone, place: Place
) -> None:
    visit = await put_visit(engine, place, VisitState.DONE)
    photo = await phone.keep(visit, jpeg(beside=True), caption="门口的台阶")
    signed = await phone.keep(
        visit, png(), kind="SIGNATURE", signer="RECIPIENT", contentType="image/png"
    )
    answer = await phone.api(place.lead)(READ, id=encode("Visit", visit.id))
    nodes = answer["data"]["node"]["pictures"]["nodes"]
    assert [one["kind"] for one in nodes] == ["PHOTO", "SIGNATURE"]
    assert nodes[0]["caption"] == "门口的台阶"
    assert (nodes[0]["width"], nodes[0]["height"]) == (3, 2)
    assert all(one["state"] == "KEPT" for one in nodes)
    assert nodes[1]["signer"] == "RECIPIENT"
    seen = await phone.see(photo)
    assert seen.headers["content-type"] == "image/jpeg"
    assert seen.headers["cache-control"] == "no-store"
    assert seen.content == jpeg().replace(jpeg()[2:20], b"", 1)
    assert SECRET not in seen.content
    assert (await phone.see(signed)).content == png()


async def test_what_lies_in_the_database_is_sealed(
    engine: AsyncEngine, phone: Phone, place: Place
) -> None:
    visit = await put_visit(engine, place, VisitState.DONE)
    content = png(shade=77)
    await phone.keep(visit, content, contentType="image/png")
    async with AsyncSession(engine) as session:
        found = await session.execute(
            select(model.PictureContent.ciphertext, model.PictureContent.picture_id)
            .join(model.VisitPicture, model.VisitPicture.id == model.PictureContent.picture_id)
            .where(model.VisitPicture.visit_id == visit.id)
        )
        sealed, picture_id = found.one()
    assert b"IHDR" not in sealed
    assert rules.Album(VAULT_KEY).open(sealed, picture_id) == content
    with pytest.raises(SealError):
        rules.Album(VAULT_KEY).open(sealed, visit.id)


async def test_putting_it_again_changes_nothing(
    engine: AsyncEngine, phone: Phone, place: Place
) -> None:
    visit = await put_visit(engine, place, VisitState.DONE)
    content = jpeg((4, 4))
    row = await phone.announce(visit, content)
    answers = await asyncio.gather(*(phone.put(row["url"], content) for _ in range(6)))
    assert {one.status_code for one in answers} == {200}
    assert len({one.text for one in answers}) == 1
    again = await phone.announce(visit, content)
    assert again["id"] == row["id"]
    assert again["state"] == "KEPT"
    assert again["url"] is None
    async with AsyncSession(engine) as session:
        (kept,) = (
            await session.scalars(
                select(model.VisitPicture).where(model.VisitPicture.visit_id == visit.id)
            )
        ).all()
    assert await events_of(engine, kept) == ["visit_picture.requested", "visit_picture.kept"]


async def test_two_that_ask_at_once_get_one_picture(
    engine: AsyncEngine, phone: Phone, place: Place
) -> None:
    visit = await put_visit(engine, place, VisitState.DONE)
    rows = await asyncio.gather(*(phone.announce(visit, jpeg((5, 5))) for _ in range(5)))
    assert len({one["id"] for one in rows}) == 1


async def test_a_lost_address_is_given_again(
    engine: AsyncEngine, api: Api, client: httpx.AsyncClient, phone: Phone, place: Place
) -> None:
    visit = await put_visit(engine, place, VisitState.DONE)
    content = jpeg((6, 6))
    first = await phone.announce(visit, content)
    colleague = Phone(api, client, place.aide)
    second = await colleague.announce(visit, content)
    assert second["id"] == first["id"]
    assert second["author"]["id"] == encode("Account", place.aide.id)
    assert (await phone.put(first["url"], content)).status_code == 403
    assert (await colleague.put(second["url"], content)).status_code == 200


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (jpeg((7, 7)) + b"x", "image/jpeg", 409, "PICTURE_DIFFERS"),
        (b"", "image/jpeg", 409, "PICTURE_DIFFERS"),
        (jpeg((7, 7)), "image/png", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (bytes(rules.MAX_BYTES + 1), "image/jpeg", 413, "BODY_TOO_LARGE"),
    ],
)
async def test_what_was_not_announced_is_not_kept(
    engine: AsyncEngine,
    phone: Phone,
    place: Place,
    content: bytes,
    kind: str,
    status: int,
    code: str,
) -> None:
    visit = await put_visit(engine, place, VisitState.DONE)
    row = await phone.announce(visit, jpeg((7, 7)))
    answer = await phone.put(row["url"], content, kind)
    assert answer.status_code == status
    assert answer.json()["errors"][0]["extensions"]["code"] == code
    read = await phone.api(place.worker)(READ, id=encode("Visit", visit.id))
    assert [one["state"] for one in read["data"]["node"]["pictures"]["nodes"]] == ["REQUESTED"]
    assert (await phone.put(row["url"], jpeg((7, 7)))).status_code == 200


async def test_what_is_no_picture_is_refused_for_good(
    engine: AsyncEngine, phone: Phone, place: Place
) -> None:
    visit = await put_visit(engine, place, VisitState.DONE)
    for content in (b"<svg onload='x'/>", jpeg((9999, 2)), jpeg()[:-9]):
        row = await phone.announce(visit, content)
        answer = await phone.put(row["url"], content)
        assert answer.status_code == 409
        assert answer.json()["errors"][0]["extensions"]["code"] == "PICTURE_REFUSED"
    assert await count_of_visit(engine, visit) == 0


async def count_of_visit(engine: AsyncEngine, visit: Any) -> int:
    async with AsyncSession(engine) as session:
        found = await session.scalars(
            select(model.PictureContent.picture_id)
            .join(model.VisitPicture, model.VisitPicture.id == model.PictureContent.picture_id)
            .where(model.VisitPicture.visit_id == visit.id)
        )
        return len(found.all())


async def test_the_address_is_for_one_person_one_method_and_a_time(
    engine: AsyncEngine, api: Api, client: httpx.AsyncClient, phone: Phone, place: Place
) -> None:
    visit = await put_visit(engine, place, VisitState.DONE)
    row = await phone.announce(visit, jpeg())
    assert (await client.get(row["url"])).status_code == 403
    longer = row["url"].replace("expires=", "expires=9")
    assert (await phone.put(longer, jpeg())).status_code == 403
    assert (await client.post(row["url"])).status_code == 405
    await phone.put(row["url"], jpeg())
    view = await phone.ask(OPEN, pictureId=row["id"])
    assert (await client.put(view["url"], content=jpeg())).status_code == 403
    await _posted_until(engine, place, today())
    assert (await client.get(view["url"])).status_code == 403
    await _posted_until(engine, place, None)
    assert (await client.get(view["url"])).status_code == 200


async def _posted_until(engine: AsyncEngine, place: Place, day: date | None) -> None:
    async with making(engine) as m:
        await m.session.execute(
            update(Worker).where(Worker.id == place.post.id).values(valid_to=day)
        )
        await m.session.commit()


async def test_bad_announcements(engine: AsyncEngine, phone: Phone, place: Place) -> None:
    visit = await put_visit(engine, place, VisitState.DONE)
    for given, field in (
        ({"contentType": "image/svg+xml"}, "contentType"),
        ({"bytes": 0}, "bytes"),
        ({"bytes": rules.MAX_BYTES + 1}, "bytes"),
        ({"sha256": "0" * 63}, "sha256"),
        ({"signer": "RECIPIENT"}, "signer"),
        ({"kind": "SIGNATURE"}, "signer"),
        ({"takenAt": (now() + timedelta(days=1)).isoformat()}, "takenAt"),
        ({"caption": "电话 19912345678"}, "caption"),
        ({"caption": "长" * 201}, "caption"),
    ):
        refused = await phone.announce(visit, jpeg(), **given)
        assert refused["code"] == "INVALID", given
        assert refused["field"] == field
    for state in rules.CLOSED:
        over = await put_visit(engine, place, state, **_reason(state))
        assert (await phone.announce(over, jpeg()))["code"] == "WRONG_STATE"
    answer = await phone.api(place.worker)(READ, id=encode("Visit", visit.id))
    assert answer["data"]["node"]["pictures"]["nodes"] == []


def _reason(state: VisitState) -> dict[str, Any]:
    return {"state_reason": "搬走了"} if state is not VisitState.SCHEDULED else {}


async def test_a_visit_has_so_many_pictures(
    engine: AsyncEngine, phone: Phone, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(rules.MOST, model.PictureKind.PHOTO, 2)
    visit = await put_visit(engine, place, VisitState.DONE)
    kept = [await phone.keep(visit, jpeg((side, 9))) for side in (1, 2)]
    refused = await phone.announce(visit, jpeg((3, 9)))
    assert refused["code"] == "GUARD_FAILED"
    assert refused["details"]["maximum"] == 2
    await phone.ask(REMOVE, id=kept[0]["id"], expectedVersion=2, reason="拍错了")
    assert (await phone.announce(visit, jpeg((3, 9))))["state"] == "REQUESTED"


async def test_a_removed_picture_is_gone_and_its_row_stays(
    engine: AsyncEngine, api: Api, client: httpx.AsyncClient, phone: Phone, place: Place
) -> None:
    visit = await put_visit(engine, place, VisitState.DONE)
    row = await phone.keep(visit, jpeg())
    view = await phone.ask(OPEN, pictureId=row["id"])
    other = Phone(api, client, place.aide)
    given = {"id": row["id"], "expectedVersion": 2}
    assert (await other.ask(REMOVE, **given, reason="不是我的"))["code"] == "FORBIDDEN"
    assert (await phone.ask(REMOVE, **given))["code"] == "INVALID"
    assert await count_of_visit(engine, visit) == 1
    removed = await phone.ask(REMOVE, **given, reason="拍错了")
    assert removed["state"] == "REMOVED"
    assert await count_of_visit(engine, visit) == 0
    assert (await client.get(view["url"])).status_code == 403
    assert (await phone.ask(OPEN, pictureId=row["id"]))["code"] == "WRONG_STATE"


async def test_of_a_verified_visit_only_the_lead_removes(
    engine: AsyncEngine, api: Api, client: httpx.AsyncClient, phone: Phone, place: Place
) -> None:
    visit = await put_visit(engine, place, VisitState.VERIFIED)
    row = await phone.keep(visit, jpeg())
    given = {"id": row["id"], "expectedVersion": 2, "reason": "拍到了证件"}
    answer = await api(place.worker)(READ, id=encode("Visit", visit.id))
    (node,) = answer["data"]["node"]["pictures"]["nodes"]
    assert node["allowedActions"] == ["openPicture"]
    assert (await phone.ask(REMOVE, **given))["code"] == "FORBIDDEN"
    assert (await Phone(api, client, place.lead).ask(REMOVE, **given))["state"] == "REMOVED"


async def test_nobody_but_the_station_sees_that_there_is_one(
    engine: AsyncEngine, api: Api, client: httpx.AsyncClient, phone: Phone, place: Place
) -> None:
    visit = await put_visit(engine, place, VisitState.DONE)
    row = await phone.keep(visit, jpeg())
    away = await a_place(engine, FAR)
    for account in (place.clerk, place.approver, away.lead, away.worker):
        answer = await api(account)(READ, id=encode("Visit", visit.id))
        seen = answer["data"]["node"]
        assert seen is None or seen["pictures"]["nodes"] == []
        stranger = Phone(api, client, account)
        assert (await stranger.ask(OPEN, pictureId=row["id"]))["code"] == "NOT_FOUND"
        given = {"id": row["id"], "expectedVersion": 2, "reason": "x"}
        assert (await stranger.ask(REMOVE, **given))["code"] == "NOT_FOUND"
        refused = await stranger.announce(visit, jpeg((8, 8)))
        assert refused["code"] in {"NOT_FOUND", "FORBIDDEN"}
    missing = encode("VisitPicture", visit.id)
    assert (await phone.ask(OPEN, pictureId=missing))["code"] == "NOT_FOUND"
    assert await count_of_visit(engine, visit) == 1


async def test_every_role(engine: AsyncEngine, place: Place) -> None:
    """Visible and permitted to the station's three roles, and to no other."""
    visit = await put_visit(engine, place, VisitState.DONE)
    digest = hashlib.sha256(jpeg()).hexdigest()
    async with AsyncSession(
        engine, expire_on_commit=False, info=session_info(VAULT_KEY)
    ) as session:
        for role in Role:
            if role in (Role.ANONYMOUS, Role.SYSTEM):
                continue
            known = {one.role: one for one in (place.lead, place.worker, place.aide)}.get(role)
            actor = (
                actor_of(known)
                if known
                else Actor(role, place.lead.id, place.station.organization_id, "44", now())
            )
            async with session.begin_nested() as tried:
                act = Act(session, actor)
                done = await _announced(act, visit.id, digest)
                assert done == (role in STATION), role
                assert policy.may_request(actor, visit) == (role in STATION)
                await tried.rollback()


async def _announced(act: Act, visit_id: Any, digest: str) -> bool:
    try:
        row = await operations.request_picture(
            act,
            visit_id=visit_id,
            kind=model.PictureKind.PHOTO,
            signer=None,
            caption=None,
            content_type="image/jpeg",
            size=10,
            sha256=digest,
            taken_at=act.now,
        )
    except (Forbidden, NotFound):
        return False
    return bool(await act.session.get(model.VisitPicture, row.id))


async def test_what_never_came_expires(engine: AsyncEngine, phone: Phone, place: Place) -> None:
    visit = await put_visit(engine, place, VisitState.DONE)
    row = await phone.announce(visit, jpeg())
    kept = await phone.keep(visit, jpeg((2, 2)))
    for moment, moved in ((now() + timedelta(days=6), 0), (now() + timedelta(days=8), 1)):
        async with AsyncSession(engine) as session, session.begin():
            before = await count_of(engine, model.VisitPicture)
            assert (await operations.expire_pictures(session, moment) >= 1) == bool(moved)
            assert await count_of(engine, model.VisitPicture) == before
    answer = await phone.api(place.worker)(READ, id=encode("Visit", visit.id))
    states = {one["id"]: one["state"] for one in answer["data"]["node"]["pictures"]["nodes"]}
    assert states == {row["id"]: "EXPIRED", kept["id"]: "KEPT"}
    assert (await phone.put(row["url"], jpeg())).status_code in (403, 409)
    fresh = await phone.announce(visit, jpeg())
    assert fresh["id"] != row["id"]
    assert (await phone.put(fresh["url"], jpeg())).status_code == 200


async def test_the_database_keeps_a_picture_whole(
    engine: AsyncEngine, owner_engine: AsyncEngine, phone: Phone, place: Place
) -> None:
    visit = await put_visit(engine, place, VisitState.DONE)
    await phone.keep(visit, jpeg())
    with pytest.raises((IntegrityError, DBAPIError), match="without its bytes"):
        async with owner_engine.begin() as connection:
            await connection.execute(
                text(
                    "DELETE FROM picture_content WHERE picture_id IN "
                    "(SELECT id FROM visit_picture WHERE visit_id = :visit)"
                ),
                {"visit": visit.id},
            )
    for statement in (
        "UPDATE picture_content SET ciphertext = ''",
        "UPDATE visit_picture SET sha256 = ''",
        "UPDATE picture_view SET link = ''",
        "DELETE FROM picture_view",
        "DELETE FROM visit_picture",
    ):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with engine.begin() as connection:
                await connection.execute(text(statement))
    assert await count_of_visit(engine, visit) == 1
