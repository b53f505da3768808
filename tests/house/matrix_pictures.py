"""A picture that is kept, one that is awaited, one that was removed; a look, and a printout."""

from datetime import timedelta
from typing import Any

from nexus.casework.visits.pictures.model import (
    PictureContent,
    PictureKind,
    PictureState,
    PictureView,
    Signer,
    VisitPicture,
)
from nexus.core.ids import new_id
from nexus.exchange.printouts.model import PaperKind, Printout
from tests.house.matrix_world import Place
from tests.making import Maker, now

P = PictureState


async def pictures(m: Maker, place: Place) -> None:
    """All of it, of the station's visits."""
    kept = _picture(place, P.KEPT, 1, caption=place.says("VisitPicture.caption"))
    place.rows["VisitPicture"] = kept
    sealed = PictureContent(picture_id=kept.id, ciphertext=b"sealed", key_version=1)
    await m.put(kept, sealed)
    waiting = _picture(place, P.REQUESTED, 2)
    removed = _picture(
        place,
        P.REMOVED,
        3,
        removed_at=now(),
        removed_by=place["Account/lead"].id,
        state_reason=place.says("VisitPicture.stateReason"),
    )
    signed = _picture(place, P.EXPIRED, 4, kind=PictureKind.SIGNATURE, signer=Signer.RECIPIENT)
    await m.put(waiting, removed, signed)
    place.rows["VisitPicture/waiting"] = waiting
    place.rows["VisitPicture/removed"] = removed
    place.rows["VisitPicture/signed"] = signed
    place.rows["PictureView"] = look = PictureView(
        picture_id=kept.id, account_id=place.staff.id, link="/pictures/made", **_times()
    )
    await m.put(look)
    await _printouts(m, place)


def _times() -> dict[str, Any]:
    return {"expires_at": now() + timedelta(minutes=5), "created_at": now()}


def _picture(place: Place, state: PictureState, digit: int, **fields: Any) -> VisitPicture:
    there = {
        "kept_at": now(),
        "kept_bytes": 1,
        "kept_sha256": str(digit) * 64,
        "width": 1,
        "height": 1,
    }
    row = {
        "id": new_id(),
        "visit_id": place["Visit/done"].id,
        "kind": PictureKind.PHOTO,
        "content_type": "image/png",
        "bytes": 1,
        "sha256": str(digit) * 64,
        "taken_at": now(),
        "link": "/pictures/made",
        "state": state,
        "created_by": place.staff.id,
        **_times(),
    }
    return VisitPicture(**row | (there if state in (P.KEPT, P.REMOVED) else {}) | fields)


async def _printouts(m: Maker, place: Place) -> None:
    for key, paper, subject in (
        ("", PaperKind.VISIT_RECORD, {"visit_id": place["Visit/done"].id}),
        ("/slip", PaperKind.REFERRAL_SLIP, {"referral_id": place["Referral"].id}),
        ("/summary", PaperKind.CASE_SUMMARY, {"case_id": place["Case"].id}),
    ):
        place.rows[f"Printout{key}"] = row = Printout(
            paper=paper, account_id=place.staff.id, link="/printouts/made", **subject, **_times()
        )
        await m.put(row)
