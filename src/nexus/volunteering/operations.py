"""Registering, verifying, suspending volunteers; what they can do and where."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import exists, select

from nexus.acting import Act, Role
from nexus.areas.queries import check_code, resolve_area
from nexus.core.refusals import Forbidden, GuardFailed, Invalid
from nexus.core.texts import check_reason
from nexus.recipients.vault.contacts.operations import record_contact
from nexus.recipients.vault.rules import birth_year as year_of
from nexus.recipients.vault.rules import check_id_number
from nexus.volunteering import model, policy, queries, rules


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who it is, for the vault."""

    name: str
    phone: str | None = None
    id_number: str | None = None


@dataclass(frozen=True, kw_only=True)
class Abilities:
    """What the volunteer brings, and where they wish to help."""

    area: str
    skills: Sequence[str] = ()
    """Codes of the list `volunteer_category`."""
    languages: Sequence[str] = ()
    national_no: str | None = None


async def register_volunteer(
    act: Act, *, person: Person, birth_year: int, abilities: Abilities
) -> model.Volunteer:
    """Oneself with an account, or by an organizer somebody without. Identity goes to the vault."""
    actor = act.actor
    if not policy.may_register(actor):
        raise Forbidden(f"Role {actor.role.name} may not register volunteers.")
    alone = actor.role is Role.VOLUNTEER
    if alone and await act.session.scalar(
        select(exists().where(model.Volunteer.account_id == actor.account_id))
    ):
        raise Forbidden("You are registered already: see your volunteer.")
    if not alone:
        await queries.check_organizer(act, actor.organization_id)
    rules.check_birth_year(birth_year, actor.today())
    if person.id_number and year_of(check_id_number(person.id_number)) != birth_year:
        raise Invalid(
            "The year of birth in this ID number is not birthYear: compare both with the card.",
            field="idNumber",
        )
    row = model.Volunteer(
        id=act.row_id,
        account_id=actor.account_id if alone else None,
        organization_id=None if alone else actor.organization_id,
        birth_year=birth_year,
        trained=[],
        created_at=act.now,
        created_by=actor.account_id,
    )
    await _apply(act, row, abilities)
    row.no = await act.number("V", row.area_code)
    row.contact_id = await record_contact(
        act, name=person.name, phone=person.phone, id_number=person.id_number
    )
    act.session.add(row)
    await act.session.flush()
    if not alone:
        await queries.enter_on_roster(act, row.id, actor.organization_id)
    act.record("volunteer.registered", row)
    return row


async def update_volunteer(
    act: Act, volunteer_id: UUID, *, expected_version: int, abilities: Abilities
) -> model.Volunteer:
    """Say anew what they can do and where."""
    row = await queries.take_volunteer(act, volunteer_id, expected_version)
    act.permit(policy.may_update, row)
    await _apply(act, row, abilities)
    row.version += 1
    act.record("volunteer.updated", row)
    return row


async def record_training(
    act: Act, volunteer_id: UUID, *, expected_version: int, training: str
) -> model.Volunteer:
    """A training that they passed with the organizer, by its code. Saying it twice is one."""
    row = await queries.take_volunteer(act, volunteer_id, expected_version)
    act.permit(policy.may_train, row)
    (code,) = rules.check_trainings([training], field="training")
    row.trained = sorted({*row.trained, code})
    row.version += 1
    act.record("volunteer.trained", row, training=code)
    return row


async def verify_volunteer(
    act: Act, volunteer_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Volunteer:
    """The real name was proven by a card; not by who entered the volunteer (INV-18)."""
    row = await queries.take_volunteer(act, volunteer_id, expected_version)
    act.permit(policy.may_verify, row)
    act.move(row, model.TRANSITIONS, "verify")
    row.verified_at, row.verified_by = act.now, act.actor.account_id
    row.state_reason = rules.check_remark(reason)
    act.record("volunteer.verified", row)
    return row


async def activate_volunteer(
    act: Act, volunteer_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Volunteer:
    """May sign up from now on. A minor needs a guardian's consent in force."""
    return await _admit(act, volunteer_id, expected_version, "activate", reason)


async def reinstate_volunteer(
    act: Act, volunteer_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Volunteer:
    """Back from a suspension, under the conditions of activating."""
    return await _admit(act, volunteer_id, expected_version, "reinstate", reason)


_MAY = {"activate": policy.may_activate, "reinstate": policy.may_suspend}
_TOLD = {"activate": "volunteer.activated", "reinstate": "volunteer.reinstated"}


async def _admit(
    act: Act, volunteer_id: UUID, expected_version: int, verb: str, reason: str | None
) -> model.Volunteer:
    row = await queries.take_volunteer(act, volunteer_id, expected_version)
    act.permit(_MAY[verb], row)
    model.TRANSITIONS.after(verb, row.state)
    today = act.actor.today()
    if rules.is_minor(row.birth_year, today) and not await queries.has_guardian(act, row.id, today):
        raise GuardFailed(
            "They may be under 18: record a guardian's consent first.", rule="volunteers.guardian"
        )
    act.move(row, model.TRANSITIONS, verb)
    row.state_reason = rules.check_remark(reason)
    act.record(_TOLD[verb], row)
    return row


async def suspend_volunteer(
    act: Act, volunteer_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Volunteer:
    """No sign-ups anywhere until reinstated, with a reason; those to come are cancelled."""
    row = await queries.take_volunteer(act, volunteer_id, expected_version)
    act.permit(policy.may_suspend, row)
    model.TRANSITIONS.after("suspend", row.state)
    said = check_reason(reason, impersonal=True)
    act.move(row, model.TRANSITIONS, "suspend")
    row.state_reason = said
    act.record("volunteer.suspended", row)
    return row


async def leave_volunteering(
    act: Act, volunteer_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Volunteer:
    """For good; what is to come is cancelled, hours and certificates stay."""
    row = await queries.take_volunteer(act, volunteer_id, expected_version)
    act.permit(policy.may_leave, row)
    act.move(row, model.TRANSITIONS, "leave")
    row.state_reason = rules.check_remark(reason)
    act.record("volunteer.left", row)
    return row


async def _apply(act: Act, row: model.Volunteer, abilities: Abilities) -> None:
    """Check what they can do, and put it on the row."""
    today = act.actor.today()
    for code in abilities.skills:
        await check_code(act.session, "volunteer_category", code, on=today, field="skills")
    row.area_code = await resolve_area(act.session, abilities.area)
    row.skills = sorted(set(abilities.skills))
    row.languages = rules.check_languages(abilities.languages)
    number = abilities.national_no
    row.national_no = rules.check_national_no(number) if number else row.national_no
