"""Opening and closing stations, and posting workers to them."""

from datetime import date
from uuid import UUID

from sqlalchemy import func, select

from nexus.accounts import policy as account_policy
from nexus.accounts.model import Account, AccountState
from nexus.acting import Act, Deed, plain_transition
from nexus.areas.queries import resolve_area
from nexus.casework import model, policy, rules
from nexus.core.refusals import Forbidden, GuardFailed, Invalid
from nexus.organizations import policy as organization_policy
from nexus.organizations.model import Organization


class AlreadyPosted(GuardFailed):
    """The account holds a post at this station for part of the period."""

    code = "ALREADY_POSTED"


async def create_station(
    act: Act,
    *,
    name: str,
    level: model.StationLevel,
    area_code: str,
    organization_id: UUID,
    parent_id: UUID | None = None,
    posts: int = 0,
) -> model.Station:
    """A planned station in a division, run by an organization (T19a)."""
    kept = rules.check_station(name, posts)
    code = await resolve_area(act.session, area_code)
    if not policy.may_create(act.actor, code):
        raise Forbidden(
            f"Role {act.actor.role.name} may not plan stations in {code}: "
            "the approver of that division does."
        )
    await act.find(Organization, organization_id, visible=organization_policy.visible)
    if parent_id is not None:
        await act.find(model.Station, parent_id, visible=policy.visible)
    row = model.Station(
        no=await act.number("S", code),
        name=kept,
        level=level,
        area_code=code,
        parent_id=parent_id,
        organization_id=organization_id,
        posts=posts,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    act.record("station.created", row)
    return row


def _transition(verb: str, event: str, *, needs_reason: bool = False) -> Deed:
    return plain_transition(
        model.Station,
        model.TRANSITIONS,
        verb,
        event=event,
        visible=policy.visible,
        may=policy.may_run,
        needs_reason=needs_reason,
    )


open_station = _transition("open", "station.opened")
pause_station = _transition("pause", "station.paused", needs_reason=True)
resume_station = _transition("resume", "station.resumed")
close_station = _transition("close", "station.closed", needs_reason=True)


async def _check_holder(act: Act, account_id: UUID) -> None:
    account = await act.find(Account, account_id, visible=account_policy.visible)
    rules.check_holder(account.role)
    if account.state is not AccountState.ACTIVE:
        raise Invalid(f"The account is {account.state.value}.", field="accountId")


async def _check_free(
    act: Act, account_id: UUID, station_id: UUID, valid_from: date, valid_to: date | None
) -> None:
    row = model.Worker
    period = func.daterange(valid_from, valid_to)
    found = await act.session.execute(
        select(row).where(
            row.account_id == account_id,
            row.station_id == station_id,
            func.daterange(row.valid_from, row.valid_to).bool_op("&&")(period),
        )
    )
    other = found.scalars().first()
    if other is not None:
        raise AlreadyPosted(
            f"This account has a post here from {other.valid_from} to "
            f"{other.valid_to or 'open end'}: end that one first.",
            field="validFrom",
            conflictingFrom=other.valid_from,
            conflictingTo=other.valid_to,
        )


async def post_worker(
    act: Act,
    *,
    station_id: UUID,
    account_id: UUID,
    grade: model.WorkerGrade,
    valid_from: date,
    valid_to: date | None = None,
) -> model.Worker:
    """A post at a station that is not closed. One account, one post at a station at a time."""
    station = await act.take(model.Station, station_id, visible=policy.visible)
    act.permit(policy.may_post, station)
    if station.state is model.StationState.CLOSED:
        raise GuardFailed("This station is closed: nobody can be posted to it.", field="stationId")
    rules.check_period(valid_from, valid_to)
    await _check_holder(act, account_id)
    await _check_free(act, account_id, station_id, valid_from, valid_to)
    worker = model.Worker(
        account_id=account_id,
        station_id=station_id,
        grade=grade,
        valid_from=valid_from,
        valid_to=valid_to,
    )
    act.session.add(worker)
    await act.session.flush()
    act.record("worker.posted", worker, station_id=station_id)
    return worker


async def end_posting(
    act: Act, worker_id: UUID, *, expected_version: int, ends_on: date
) -> model.Worker:
    """The first day on which the post is no longer held."""
    worker = await act.take(
        model.Worker, worker_id, visible=policy.worker_visible, expected_version=expected_version
    )
    station = await act.find(model.Station, worker.station_id, visible=policy.visible)
    act.permit(policy.may_post, station)
    if ends_on <= worker.valid_from:
        raise Invalid(f"endsOn must lie after validFrom {worker.valid_from}.", field="endsOn")
    if worker.valid_to is not None and ends_on > worker.valid_to:
        raise Invalid(
            f"The post ends on {worker.valid_to} already: a longer one is a new posting.",
            field="endsOn",
        )
    worker.valid_to = ends_on
    worker.version += 1
    act.record("worker.posting_ended", worker, station_id=worker.station_id)
    return worker
