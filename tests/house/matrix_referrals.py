"""What the authority of a place referred to its charity, in every state that a deed needs."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Actor, Role
from nexus.core.ids import new_id
from nexus.core.outbox import Event
from nexus.matching.referrals.model import (
    Referral,
    ReferralDirection,
    ReferralLine,
    ReferralState,
)
from nexus.needs.model import NeedKind, NeedState, Urgency
from nexus.recipients.model import RecipientAlias
from nexus.recipients.vault import operations as vault
from nexus.recipients.vault.model import IdentityField, Reveal
from tests.deeds import acting
from tests.house.matrix_world import Place
from tests.making import Maker, now, number, today

CLASSES = ["D1", "D2", "D3", "D4", "D5", "D6"]
Tell = Callable[[Maker, Place, str, Any], Awaitable[Event]]
_S = ReferralState
ENDED: dict[str, Any] = {
    "outcome": "no_show",
    "completed_at": now(),
    "state": _S.COMPLETED,
}


async def refer(m: Maker, engine: AsyncEngine, place: Place, tell: Tell) -> None:
    """The first is under way, its package open; others are where deeds need them."""
    await _person(m, engine, place)
    first = await _put(m, place, "", _S.IN_PROGRESS, pledge_id=place["Pledge"].id)
    place.rows["ReferralEvent"] = await tell(m, place, "referral.sent", first)
    await _put(m, place, "[draft]", _S.DRAFT)
    await _put(m, place, "/requested", _S.REQUESTED)
    await _put(m, place, "/accepted", _S.ACCEPTED)
    await _put(m, place, "/held", _S.ON_HOLD, need_id=place["Need"].id)
    ended: dict[str, Any] = ENDED | {"completed_by": new_id()}
    await _put(m, place, "/completed", **ended)
    confirmed: dict[str, Any] = {
        "contacted_on": today(),
        "confirmed_at": now(),
        "confirmed_by": new_id(),
    }
    await _put(m, place, "/confirmed", **ended, **confirmed)
    await _put(
        m,
        place,
        "/rejected",
        _S.REJECTED,
        reject_reason="other",
        to_station_id=place["Station"].id,
        consent_id=None,
        legal_basis="DUTY",
    )
    await _put(
        m,
        place,
        "/onward",
        _S.REQUESTED,
        parent_id=first.id,
        reopens_id=place["Referral/confirmed"].id,
    )


async def _person(m: Maker, engine: AsyncEngine, place: Place) -> None:
    """Somebody who consents to all of it, named in the vault, known to the charity by an alias."""
    home = await m.household(area_code=place.town, living_condition="住房漏雨")
    person = await m.recipient(home, birth_year=1950)
    consent = await m.consent(person, purposes=["REF"], data_classes=CLASSES)
    place.rows["Recipient/referred"], place.rows["Consent/referred"] = person, consent
    place.rows["Need/referred"] = need = await m.need(
        NeedState.VERIFIED,
        area_code=place.town,
        recipient_id=person.id,
        household_id=home.id,
        consent_id=consent.id,
        publisher_id=place.authority.id,
        owner_id=place.clerk.id,
        created_by=place.clerk.id,
    )
    place.rows["NeedLine/referred"] = need.lines[0]
    known = RecipientAlias(
        recipient_id=person.id, organization_id=place.charity.id, alias=number("A")
    )
    await m.put(known)
    clerk = Actor(Role.GOV_APPROVER, place.clerk.id, place.authority.id, "", now())
    async with acting(engine, clerk) as act:
        given = {IdentityField.NAME: place.says("vault.name")}
        await vault.record_identity(act, person.id, given=given)
        asked = insert(Reveal).values(
            id=new_id(),
            recipient_id=person.id,
            fields=["name"],
            purpose="REF",
            account_id=place.staff.id,
        )
        row = (await act.session.execute(asked.returning(Reveal))).scalar_one()
    place.rows["Reveal/referred"] = row


async def _put(
    m: Maker,
    place: Place,
    use: str,
    state: ReferralState,
    *,
    pledge_id: Any = None,
    **more: Any,
) -> Referral:
    key = f"Referral{use}" if use.startswith("[") else "Referral"
    need, line = place["Need/referred"], place["NeedLine/referred"]
    row: dict[str, Any] = {
        "id": new_id(),
        "no": number("RF-440103"),
        "direction": ReferralDirection.GOV_TO_CHARITY,
        "from_organization_id": place.authority.id,
        "from_station_id": place["Station"].id,
        "to_organization_id": place.charity.id,
        "need_id": need.id,
        "recipient_id": place["Recipient/referred"].id,
        "about_group": False,
        "area_code": place.town,
        "to_area_code": place.county,
        "shown_area_code": place.county,
        "category": "LIV",
        "urgency": Urgency.U2,
        "title": place.says(f"{key}.title"),
        "summary": place.says(f"{key}.summary"),
        "note": place.says(f"{key}.note"),
        "data_classes": CLASSES,
        "consent_id": place["Consent/referred"].id,
        "referred_by_civil_affairs": True,
        "owner_id": place.clerk.id,
        "state": state,
        "state_reason": place.says(f"{key}.stateReason"),
        "created_at": now(),
        "created_by": place.clerk.id,
    }
    if state is not _S.DRAFT:
        row |= {
            "sent_at": now(),
            "sent_by": place.clerk.id,
            "ack_due_at": now() + timedelta(days=1),
            "expires_at": now() + timedelta(days=9),
        }
    if state not in (_S.DRAFT, _S.REQUESTED, _S.REJECTED):
        row |= {
            "accepted_at": now(),
            "accepted_by": new_id(),
            "planned_on": today(),
            "outcome_due_at": now() + timedelta(days=7),
        }
    made = Referral(**(row | more))
    part = ReferralLine(
        id=new_id(),
        line_id=line.id,
        referral_id=made.id,
        to_organization_id=made.to_organization_id,
        to_station_id=made.to_station_id,
        kind=NeedKind.GOODS,
        item_code="FOOD.RICE",
        item=place.says(f"{key.replace('Referral', 'ReferralLine')}.item"),
        quantity=Decimal(5),
        unit="KGM",
        pledge_id=pledge_id,
    )
    await m.put(made, part)
    place.rows[f"Referral{use}"], place.rows[f"ReferralLine{use}"] = made, part
    return made
