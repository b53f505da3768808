"""The rows of one place: of every type one in the state that shows most, and others for deeds.

Every classified field holds a value and every key points at a row, so that what an actor does not
get was withheld. Texts are canaries: they tell where they stood.
"""

import hashlib
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine
from stdnum.cn import ric

from nexus.accounts.model import AccessToken
from nexus.acting import Actor, Role
from nexus.areas.model import Area, AssistanceStandard, CodeEntry, Parameter
from nexus.charity.model import OfferState, ProjectState
from nexus.core.ids import new_id
from nexus.core.outbox import Event
from nexus.needs.model import Need, NeedState, Visibility
from nexus.organizations.model import OrganizationState, Qualification
from nexus.recipients.attestations.model import Attestation, SigningKey
from nexus.recipients.model import ConsentState, RecognitionState
from nexus.recipients.vault import operations as vault
from nexus.recipients.vault.model import IdentityField, Reveal
from tests.deeds import acting
from tests.house.matrix_acceptance import accept
from tests.house.matrix_cases import file_cases
from tests.house.matrix_contracts import buy
from tests.house.matrix_doors import open_doors
from tests.house.matrix_duties import owe
from tests.house.matrix_emergencies import declare, relax
from tests.house.matrix_evaluation import evaluate
from tests.house.matrix_hours import keep_hours
from tests.house.matrix_ledger import pledge_and_deliver
from tests.house.matrix_merging import limit_help, suspect
from tests.house.matrix_messages import answer_hotline, exchange, tell_change
from tests.house.matrix_money import spend
from tests.house.matrix_pictures import pictures
from tests.house.matrix_referrals import refer
from tests.house.matrix_reports import report
from tests.house.matrix_visits import visit_homes
from tests.house.matrix_volunteers import organize
from tests.house.matrix_world import Place, World
from tests.making import Maker, now, today

BORN = 1960


async def furnish(m: Maker, engine: AsyncEngine, world: World, place: Place) -> None:
    """Fill the place."""
    await _areas(m, place)
    await _parties(m, world, place)
    await _staff(m, place)
    await _people(m, world, place)
    await _identity(engine, world, place)
    await _supply(m, place)
    await declare(m, place)
    await _needs(m, place)
    await _unpublished(m, place)
    await pledge_and_deliver(m, place)
    await refer(m, engine, place, _event)
    await owe(m, place)
    await relax(m, place)
    await open_doors(m, place)
    await exchange(m, world, place)
    await suspect(m, place)
    await limit_help(m, place)
    await report(m, engine, world, place)
    await answer_hotline(m, place)
    await file_cases(m, place)
    await visit_homes(m, place)
    await pictures(m, place)
    await tell_change(m, place, await _event(m, place, "change.reported", place["ChangeReport"]))
    await organize(m, engine, world, place)
    await keep_hours(m, place, _event)
    await evaluate(m, engine, place, _event)
    await buy(m, place)
    await accept(m, place, _event)
    await spend(m, place, _event)


async def _areas(m: Maker, place: Place) -> None:
    place.rows["Area"] = await m.session.get_one(Area, place.county)
    for table in (AssistanceStandard, CodeEntry, Parameter):
        found = await m.session.execute(select(table).limit(1))
        place.rows[table.__name__] = found.scalar_one()


async def _parties(m: Maker, world: World, place: Place) -> None:
    """`own` and `away` were registered by the actor's account, `same` is its organization."""
    away = place.relation == "away"
    mine = (world.accounts[place.side] if away else place.staff).id
    told = {"area_code": place.county, "state_reason": place.says("Organization.stateReason")}
    if place.relation == "same":
        organization = place.authority if place.side == "need" else place.charity
        organization.state_reason = told["state_reason"]
        await m.put(organization)
    else:
        organization = await m.organization(**told, created_by=mine)
    place.rows["Organization"] = organization
    for state in (
        OrganizationState.DRAFT,
        OrganizationState.SUBMITTED,
        OrganizationState.SUSPENDED,
        OrganizationState.REJECTED,
    ):
        place.rows[f"Organization[{state}]"] = await m.organization(
            area_code=place.county,
            state=state,
            created_by=mine,
            name=place.says(f"Organization[{state}].name"),
            state_reason=place.says(f"Organization[{state}].stateReason"),
        )
    for key, holder in (("", organization), ("[draft]", place["Organization[draft]"])):
        place.rows[f"Qualification{key}"] = row = Qualification(
            organization_id=holder.id,
            kind="rating",
            certificate_no=place.says(f"Qualification{key}.certificateNo"),
            grade="5A",
            valid_from=today(),
            created_at=now(),
        )
        await m.put(row)


async def _staff(m: Maker, place: Place) -> None:
    place.rows["Account"] = place.staff
    home = place.authority if place.side == "need" else place.charity
    place.rows["Account[private]"] = await m.account(
        Role.VOLUNTEER, home, area_code=place.town, name=place.says("Account[private].name")
    )
    for at in ("", "/other"):
        place.rows[f"AccessToken{at}"] = token = AccessToken(
            account_id=place.staff.id,
            digest=new_id().bytes,
            label=place.says("AccessToken.label"),
            created_at=now(),
        )
        await m.put(token)
    parent = await m.station(place.authority, area_code=place.county)
    station = await m.station(place.authority, area_code=place.town, parent_id=parent.id)
    place.rows["Station"] = station
    place.rows["Worker"] = await m.worker(place.staff, station)
    place.rows["Account/candidate"] = await m.account(
        Role.SOCIAL_WORKER, place.authority, area_code=place.town
    )


async def _people(m: Maker, world: World, place: Place) -> None:
    for key in ("", "[protected]"):
        household = await m.household(
            area_code=place.town,
            living_condition=place.says(f"Household{key}.livingCondition"),
            address_protected=bool(key),
        )
        guardian = await m.recipient(household)
        recipient = await m.recipient(household, guardian_id=guardian.id, birth_year=BORN)
        place.rows[f"Household{key}"] = household
        place.rows[f"Recipient{key}"] = recipient
        place.rows[f"Consent/published{key}"] = await m.consent(recipient)
        place.rows[f"Consent{key}"] = await m.consent(
            recipient,
            receiver_ids=[place.charity.id],
            data_classes=["D1", "D4"],
            text_version=place.says(f"Consent{key}.textVersion"),
            state_reason=place.says(f"Consent{key}.stateReason"),
        )
        told: dict[str, Any] = {
            "authority_id": place.authority.id,
            "income_ratio_band": place.says(f"Recognition{key}.incomeRatioBand"),
            "state_reason": place.says(f"Recognition{key}.stateReason"),
        }
        wrong = await m.recognition(recipient, state=RecognitionState.ENTERED_IN_ERROR)
        row = await m.recognition(recipient, corrects_id=wrong.id, **told)
        place.rows[f"Recognition{key}"] = row
        event = f"RecognitionEvent{key}"
        place.rows[event] = await _event(m, place, "recognition.confirmed", row)
        await _attest(m, world, place, key)
        place.rows[f"Recognition/household{key}"] = await m.recognition(
            household_id=household.id, category="GX", **told
        )
    place.rows["Consent/withdrawn"] = await m.consent(
        place["Recipient"], state=ConsentState.WITHDRAWN, withdrawn_at=now()
    )


async def _attest(m: Maker, world: World, place: Place, key: str) -> None:
    if world.signing_key is None:
        world.signing_key = SigningKey(
            id=new_id(), thumbprint="t", public_key=bytes(32), created_at=now()
        )
        await m.put(world.signing_key)
    number = place.says(f"Attestation{key}.no")
    row = Attestation(
        id=new_id(),
        no=number,
        recognition_id=place[f"Recognition{key}"].id,
        recipient_id=place[f"Recipient{key}"].id,
        organization_id=place.charity.id,
        alias=place.says(f"Attestation{key}.alias"),
        purpose="MATCH",
        consent_id=place[f"Consent{key}"].id,
        category="DB",
        area_code=place.county,
        valid_until=today() + timedelta(days=30),
        validity_rule="attestation_months",
        token=place.says(f"Attestation{key}.token"),
        digest=hashlib.sha256(place.says(f"Attestation{key}.token").encode()).digest(),
        key_id=world.signing_key.id,
        status_index=next(world.counter),
        state_reason=place.says(f"Attestation{key}.stateReason"),
        created_at=now(),
        created_by=place.clerk.id,
    )
    await m.put(row)
    place.rows[f"Attestation{key}"] = row
    place.rows[f"AttestationEvent{key}"] = await _event(m, place, "attestation.issued", row)


async def _event(m: Maker, place: Place, kind: str, row: Any) -> Event:
    """History, written by hand: rows are not made by deeds here."""
    event = Event(
        id=new_id(),
        kind=kind,
        object_type=row.__tablename__,
        object_id=row.id,
        actor_id=place.clerk.id,
        actor_role="gov_clerk",
        organization_id=place.authority.id,
        occurred_at=now(),
        facts={"by": str(place.clerk.id)},
    )
    await m.put(event)
    return event


async def _identity(engine: AsyncEngine, world: World, place: Place) -> None:
    """What the vault keeps, by the real deed; the numbers are of a county that does not exist."""
    at = 100 + len(world.secrets)
    stem = f"449901{BORN}0101{at:03d}"
    place.id_number = stem + str(ric.calc_check_digit(stem + "0"))
    given = {
        IdentityField.NAME: place.says("vault.name"),
        IdentityField.ID_NUMBER: place.id_number,
        IdentityField.PHONE: f"1990000{at:04d}",
        IdentityField.ADDRESS: place.says("vault.address"),
    }
    world.secrets |= set(given.values())
    clerk = Actor(Role.GOV_APPROVER, place.clerk.id, place.authority.id, "", now())
    async with acting(engine, clerk) as act:
        await vault.record_identity(act, place["Recipient"].id, given=given)
        asked = insert(Reveal).values(
            id=new_id(),
            recipient_id=place["Recipient"].id,
            fields=["name"],
            purpose="DELIV",
            account_id=place.staff.id,
        )
        row = (await act.session.execute(asked.returning(Reveal))).scalar_one()
    place.rows["Reveal"] = row


async def _supply(m: Maker, place: Place) -> None:
    made = {"created_by": place.giver.id, "area_code": place.county}
    for state in ProjectState:
        key = "" if state is ProjectState.ACTIVE else f"[{state}]"
        place.rows[f"CharityProject{key}"] = await m.project(
            place.charity,
            state=state,
            name=place.says(f"CharityProject{key}.name"),
            state_reason=place.says(f"CharityProject{key}.stateReason"),
            **made,
        )
    for offer_state in OfferState:
        key = "" if offer_state is OfferState.LISTED else f"[{offer_state}]"
        place.rows[f"Offer{key}"] = await m.offer(
            place.charity,
            (place.county,),
            state=offer_state,
            created_by=place.giver.id,
            project_id=place["CharityProject"].id if not key else None,
            capacity_maximum=Decimal(10_000),
            title=place.says(f"Offer{key}.title"),
            summary=place.says(f"Offer{key}.summary"),
            state_reason=place.says(f"Offer{key}.stateReason"),
        )


def _need(place: Place, key: str, *, of: str = "") -> dict[str, Any]:
    return {
        "area_code": place.town,
        "recipient_id": place[f"Recipient{of}"].id,
        "household_id": place[f"Household{of}"].id,
        "consent_id": place[f"Consent/published{of}"].id,
        "publisher_id": place.authority.id,
        "station_id": place["Station"].id,
        "owner_id": place.clerk.id,
        "created_by": place.clerk.id,
        "visibility": Visibility.PARTNERS,
        "public_title": place.says(f"{key}.publicTitle"),
        "public_summary": place.says(f"{key}.publicSummary"),
        "internal_description": place.says(f"{key}.internalDescription"),
        "evidence": place.says(f"{key}.evidence"),
        "state_reason": place.says(f"{key}.stateReason"),
        "approval_cap_fen": 100_000,
    }


async def _put_need(
    m: Maker, place: Place, variant: str, state: NeedState, *, of: str = "", **more: Any
) -> Need:
    key = f"Need{variant}"
    row = await m.need(state, **(_need(place, key, of=of) | more))
    place.rows[key] = row
    place.rows[f"NeedLine{variant}"] = row.lines[0]
    return row


async def _needs(m: Maker, place: Place) -> None:
    """The published one is public and has lines for every pledge; history is written by hand."""
    line = {"quantity_required": Decimal(1000), "item": place.says("NeedLine.item")}
    row = await _put_need(
        m,
        place,
        "",
        NeedState.PUBLISHED,
        lines=[dict(line) for _ in range(4)],
        visibility=Visibility.PUBLIC,
        verified_at=now(),
        emergency_id=place["EmergencyEvent"].id,
        emergency_phase="emergency",
    )
    place.rows["NeedEvent"] = await _event(m, place, "need.published", row)
    public = {"visibility": Visibility.PUBLIC}
    for variant, state, more in (
        ("[group]", NeedState.PUBLISHED, {**public, "group_name": "东城医院"}),
        ("[partners]", NeedState.PUBLISHED, {}),
        ("[named]", NeedState.PUBLISHED, {"visibility": Visibility.NAMED}),
        ("[internal]", NeedState.PUBLISHED, {"visibility": Visibility.INTERNAL}),
        ("[over]", NeedState.PUBLISHED, {**public, **_over()}),
        ("[unconsented]", NeedState.PUBLISHED, dict(public)),
    ):
        if variant == "[group]":
            more |= {"recipient_id": None, "household_id": None, "consent_id": None}
        if variant == "[named]":
            more |= {"consent_id": place["Consent"].id}
        if variant == "[unconsented]":
            more |= {"consent_id": place["Consent/withdrawn"].id}
        await _put_need(m, place, variant, state, **more)
    frozen = {"confirm_needed": True, "confirm_reason": "OTHER", "frozen_at": now()}
    place.rows["Need/frozen"] = await m.need(
        lines=[{"published": False}],
        **(_need(place, "Need") | public | frozen),
    )
    await _put_need(m, place, "[protected]", NeedState.PUBLISHED, of="[protected]", **public)


def _over() -> dict[str, Any]:
    return {
        "publish_from": today() - timedelta(days=9),
        "publish_until": today() - timedelta(days=2),
    }


async def _unpublished(m: Maker, place: Place) -> None:
    for state in NeedState:
        more: dict[str, Any] = {"visibility": Visibility.PUBLIC, "lines": [{}, {"item": "面粉"}]}
        if state is NeedState.VERIFIED:
            more["publish_until"] = today() + timedelta(days=60)
        if state is not NeedState.PUBLISHED:
            await _put_need(m, place, f"[{state}]", state, **more)
