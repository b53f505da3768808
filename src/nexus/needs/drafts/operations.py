"""Recording a need with its lines, and changing it while it is a draft or returned."""

from collections.abc import Sequence
from typing import Any, Unpack, cast
from uuid import UUID

from sqlalchemy import delete, select

from nexus.accounts import policy as accounts
from nexus.accounts.model import Account, AccountState
from nexus.acting import Act
from nexus.areas.queries import check_code, resolve_area
from nexus.casework.model import Station, StationState
from nexus.core.refusals import Forbidden, Invalid
from nexus.discovery.operations import convert_report
from nexus.needs import model, policy, queries, rules
from nexus.needs.casefiles.operations import check_case
from nexus.needs.rules import LineInput, NeedChanges, NeedFacts
from nexus.organizations.model import Organization, OrganizationState, OrganizationType
from nexus.recipients import policy as recipients
from nexus.recipients.model import Consent, Household, Recipient

_PLAIN = (
    "population_group",
    "temporary_type",
    "needed_by",
    "publish_from",
    "publish_until",
)
_TEXTS = {
    "internal_description": rules.MAX_TEXT,
    "public_title": rules.MAX_TITLE,
    "public_summary": rules.MAX_TEXT,
}


async def create_need(
    act: Act,
    *,
    subject_kind: model.SubjectKind,
    lines: Sequence[LineInput],
    recipient_id: UUID | None = None,
    household_id: UUID | None = None,
    group_name: str | None = None,
    publisher_id: UUID | None = None,
    discovery_report_id: UUID | None = None,
    case_id: UUID | None = None,
    **facts: Unpack[NeedFacts],
) -> model.Need:
    """A draft with its lines (T5c).

    The owner is the actor unless named; the publisher the actor's organization if that is an
    authority. An area may be given by an alias. A person's need shows its county outside.
    """
    subject = rules.Subject(subject_kind, recipient_id, household_id, group_name)
    rules.check_subject(subject)
    checked = rules.check_lines(lines)
    area = await resolve_area(act.session, facts["area_code"])
    if not policy.may_create(act.actor, area):
        raise Forbidden(f"Role {act.actor.role.name} may not record needs in area {area}.")
    home = await _find_household(act, subject)
    row = model.Need(
        subject_kind=subject_kind,
        recipient_id=recipient_id,
        household_id=home,
        publisher_id=await _find_publisher(act, publisher_id),
        discovery_report_id=await _convert(act, discovery_report_id, facts["origin"]),
        case_id=await check_case(act, case_id, home),
        state=model.NeedState.DRAFT,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    await apply_changes(act, row, _whole(act, subject, facts))
    row.no = await act.number("N", row.shown_area_code)
    act.session.add(row)
    await act.session.flush()
    await _put_lines(act, row, checked)
    act.record("need.created", row, category=row.category, urgency=row.urgency)
    return row


async def _convert(act: Act, report_id: UUID | None, origin: str) -> UUID | None:
    """The verified report that the need is recorded from: converted by this (T22)."""
    if report_id is None:
        return None
    report = await convert_report(act, report_id)
    fitting = {report.source, "discovery", *(["hotline"] if report.ticket_no else [])}
    if origin not in fitting:
        raise Invalid(
            f"The need comes from report {report.no}: its origin is one of "
            f"{', '.join(sorted(fitting))}.",
            field="origin",
        )
    return report.id


def _whole(act: Act, subject: rules.Subject, facts: NeedFacts) -> NeedChanges:
    """The facts with what every need has: so that each is checked, given or not."""
    whole: NeedChanges = {
        "shown_area_code": None,
        "visibility": model.Visibility.PARTNERS,
        "station_id": None,
        "owner_id": act.actor.account_id,
    }
    if subject.group_name is not None:
        whole["group_name"] = subject.group_name
    return cast(NeedChanges, {**whole, **facts})


async def update_need(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    lines: Sequence[LineInput] | None = None,
    **changes: Unpack[NeedChanges],
) -> model.Need:
    """Change what is named, in a draft or a returned need. `lines`, if given, replace all lines."""
    row = await _take_draft(act, row_id, expected_version)
    checked = rules.check_lines(lines) if lines is not None else None
    await apply_changes(act, row, changes)
    if not policy.may_create(act.actor, row.area_code):
        raise Forbidden(f"Area {row.area_code} is not yours: the need stays in your territory.")
    await _put_lines(act, row, checked)
    act.record("need.updated", row, fields=sorted([*changes, *(["lines"] if lines else [])]))
    return row


async def add_need_line(
    act: Act, row_id: UUID, *, expected_version: int, line: LineInput
) -> model.Need:
    """One more line, after the others."""
    row = await _take_draft(act, row_id, expected_version)
    present = await queries.take_lines(act.session, row.id)
    at = 1 + max((one.position for one in present), default=0)
    made = await make_line(act, row, rules.check_line(line, at=at), at)
    act.session.add(made)
    await act.session.flush()
    act.record("need.line_added", row, line_id=made.id)
    return row


async def remove_need_line(act: Act, line_id: UUID, *, expected_version: int) -> model.Need:
    """Take a line out; a need keeps at least one."""
    line = await act.find(model.NeedLine, line_id, visible=policy.line_visible)
    row = await _take_draft(act, line.need_id, expected_version)
    present = await queries.take_lines(act.session, row.id)
    if len(present) < 2:
        raise Invalid("A need has at least one line: add another before taking this out.")
    await act.session.execute(delete(model.NeedLine).where(model.NeedLine.id == line_id))
    act.record("need.line_removed", row, line_id=line_id)
    return row


async def _take_draft(act: Act, row_id: UUID, expected_version: int) -> model.Need:
    row = await queries.take_need(act, row_id, expected_version)
    act.permit(policy.may_update, row)
    act.move(row, model.TRANSITIONS, "update")
    return row


# --- Lines ---


async def _put_lines(act: Act, row: model.Need, lines: Sequence[LineInput] | None) -> None:
    """Write these lines instead of what is there; None keeps them, in the need's new area."""
    if lines is None:
        for line in await queries.take_lines(act.session, row.id):
            line.category, line.area_code = row.category, row.area_code
        return
    await act.session.execute(delete(model.NeedLine).where(model.NeedLine.need_id == row.id))
    made = [await make_line(act, row, line, at) for at, line in enumerate(lines, 1)]
    act.session.add_all(made)
    await act.session.flush()


async def make_line(act: Act, row: model.Need, line: LineInput, at: int) -> model.NeedLine:
    today = act.actor.today()
    unit = line.unit or rules.USUAL_UNIT[line.kind]
    await check_code(act.session, "unit", unit, on=today, field=rules.line_field(at, "unit"))
    if line.item_code is not None:
        field = rules.line_field(at, "itemCode")
        await check_code(act.session, "item", line.item_code, on=today, field=field)
    return model.NeedLine(
        need_id=row.id,
        position=at,
        kind=line.kind,
        category=row.category,
        item_code=line.item_code,
        item=line.item,
        specification=line.specification,
        quantity_required=line.quantity_required,
        unit=unit,
        est_unit_value_fen=line.est_unit_value_fen,
        tranche_no=line.tranche_no,
        held=line.tranche_no > 1,
        area_code=row.area_code,
        published=False,
    )


# --- What the need says ---


async def apply_changes(act: Act, row: model.Need, changes: NeedChanges) -> None:
    """Check what is named and write it to the row, which is flushed only when whole."""
    with act.session.no_autoflush:
        await _apply_codes(act, row, changes)
        await _apply_area(act, row, changes)
        await _apply_people(act, row, changes)
    for name in _PLAIN:
        if name in changes:
            setattr(row, name, changes[name])  # type: ignore[literal-required]
    for name, most in _TEXTS.items():
        if name in changes:
            text = changes[name]  # type: ignore[literal-required]
            setattr(row, name, rules.optional_text(text, field=_camel(name), most=most))
    if "visibility" in changes:
        row.visibility = changes["visibility"]
    if "reviewed" in changes:
        row.reviewed = changes["reviewed"]
    rules.check_period(row.publish_from, row.publish_until)


async def _apply_codes(act: Act, row: model.Need, changes: NeedChanges) -> None:
    today = act.actor.today()
    if "origin" in changes:
        await check_code(act.session, "origin", changes["origin"], on=today)
        row.origin = changes["origin"]
    if "category" in changes:
        await check_code(
            act.session, "need_category", changes["category"], on=today, field="category"
        )
        row.category = changes["category"]
    if "urgency" in changes:
        row.urgency = changes["urgency"]


async def _apply_area(act: Act, row: model.Need, changes: NeedChanges) -> None:
    if "area_code" in changes:
        row.area_code = await resolve_area(act.session, changes["area_code"])
    if "area_code" in changes or "shown_area_code" in changes:
        given = changes.get("shown_area_code")
        shown = await resolve_area(act.session, given) if given else None
        finest = rules.shown_area(row.subject_kind, row.area_code, shown)
        row.shown_area_code = await resolve_area(act.session, finest)


async def _apply_people(act: Act, row: model.Need, changes: NeedChanges) -> None:
    if "group_name" in changes:
        if row.subject_kind is not model.SubjectKind.GROUP:
            raise Invalid("Only a group's need has a groupName.", field="groupName")
        row.group_name = rules.check_text(changes["group_name"], field="groupName")
    if "consent_id" in changes:
        await _check_consent(act, row, changes["consent_id"])
        row.consent_id = changes["consent_id"]
    if "station_id" in changes:
        await _check_station(act, row, changes["station_id"])
        row.station_id = changes["station_id"]
    if "owner_id" in changes:
        await _check_owner(act, changes["owner_id"])
        row.owner_id = changes["owner_id"]


async def _check_consent(act: Act, row: model.Need, consent_id: UUID | None) -> None:
    """The consent is of the same recipient, or of a member of the same household."""
    if consent_id is None:
        return
    if row.subject_kind is model.SubjectKind.GROUP:
        raise Invalid("A group gives no consent: leave consentId out.", field="consentId")
    await act.find(Consent, consent_id, visible=recipients.consent_visible)
    if not await queries.is_consent_of(act.session, row, consent_id):
        raise Invalid(
            f"This is no consent of the need's {row.subject_kind.value}: record theirs first.",
            field="consentId",
        )


async def _check_station(act: Act, row: model.Need, station_id: UUID | None) -> None:
    if station_id is None:
        if row.subject_kind is not model.SubjectKind.GROUP:
            raise Invalid("A person's need has a responsible station.", field="stationId")
        return
    found = await act.session.get(Station, station_id)
    if found is None or found.state is StationState.CLOSED:
        raise Invalid("No such station, or it is closed.", field="stationId")


async def _check_owner(act: Act, owner_id: UUID) -> None:
    """Exactly one owner who can act on it (INV-20), among those the actor knows."""
    known = select(Account).where(Account.id == owner_id, accounts.visible(act.actor, Account))
    found = (await act.session.execute(known)).scalar_one_or_none()
    if (
        found is None
        or found.state is not AccountState.ACTIVE
        or found.role not in policy.STAFF | policy.CREATORS
    ):
        raise Invalid(
            "The owner is an active account of a station or authority: name one.", field="ownerId"
        )


async def _find_household(act: Act, subject: rules.Subject) -> UUID | None:
    """The household of the subject, if it has one; NotFound outside the territory."""
    if subject.recipient_id is not None:
        visible = recipients.recipient_visible
        return (await act.find(Recipient, subject.recipient_id, visible=visible)).household_id
    if subject.household_id is not None:
        return (await act.find(Household, subject.household_id, visible=recipients.visible)).id
    return None


async def _find_publisher(act: Act, publisher_id: UUID | None) -> UUID:
    """A verified authority: the one named, or the actor's own organization."""
    wanted = publisher_id or act.actor.organization_id
    found: Any = await act.session.get(Organization, wanted)
    if (
        found is None
        or found.org_type is not OrganizationType.GOVERNMENT_BODY
        or found.state is not OrganizationState.VERIFIED
    ):
        raise Invalid(
            "A need is published by a verified government body: name it as publisherId.",
            field="publisherId",
        )
    return wanted


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
