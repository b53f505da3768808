"""Both rankings as one SQL select each: hard filters, then points whose sum is the score."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    case,
    cast,
    column,
    exists,
    func,
    literal_column,
    or_,
    select,
    values,
)
from sqlalchemy import Date as SqlDate
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlalchemy.orm import aliased

from nexus.acting import TERRITORIAL, Actor
from nexus.matching.suggestions.scores.queries import number, word
from nexus.matching.tasks import policy, rules
from nexus.needs.model import Need
from nexus.needs.queries import line_is_open
from nexus.organizations.queries import is_verified
from nexus.volunteering import policy as volunteers_policy
from nexus.volunteering.model import RosterEntry, RosterState, Volunteer, VolunteerState
from nexus.volunteering.tasks.model import (
    BUSY,
    Signup,
    SignupState,
    TaskPosition,
    TaskState,
    VolunteerTask,
)

TO_COME = (TaskState.PUBLISHED, TaskState.RECRUITING, TaskState.IN_PROGRESS)
CITY, COUNTY, TOWN = 4, 6, 9


def tasks_for_line(actor: Actor, line: Any, limit: Any) -> Select[Any]:
    """Tasks that are to come and can help with the line, best first: id, score, points.

    An organizer is shown its own, compared with the area the need shows (INV-13).
    """
    task, need = aliased(VolunteerTask), aliased(Need)
    place = line.area_code if actor.role in TERRITORIAL else need.shown_area_code
    points = _task_points(task, line, need, place)
    score = _sum(points)
    return (
        select(
            task.id.label("task_id"),
            line.id.label("line_id"),
            score.label("score"),
            word(rules.RULE_VERSION).label("rule_version"),
            *_labelled(points),
        )
        .join_from(task, need, need.id == line.need_id)
        .where(
            policy.task_suggested(actor, task),
            line_is_open(line),
            line.kind.in_([word("hours"), word("service")]),
            task.state.in_(TO_COME),
            task.ends_at > actor.now,
            is_verified(task.organization_id),
            _same_city(task.area_code, place),
            or_(task.category == func.any(_fitting(line)), task.category == word("other")),
        )
        .order_by(literal_column("score").desc(), task.starts_at, task.id)
        .limit(limit)
        .correlate(line)
    )


def _task_points(task: Any, line: Any, need: Any, place: Any) -> dict[str, ColumnElement[int]]:
    return {
        "category_points": case(
            (task.category == func.any(_fitting(line)), number(rules.CATEGORY_EXACT)),
            else_=number(rules.CATEGORY_OPEN),
        ),
        "area_points": _nearness(task.area_code, place),
        "time_points": case(
            (need.needed_by.is_(None), number(rules.TIME_OPEN)),
            (
                cast(func.timezone("Asia/Shanghai", task.starts_at), SqlDate) <= need.needed_by,
                number(rules.TIME_IN),
            ),
            else_=number(0),
        ),
        "slot_points": case((_has_slot(task), number(rules.SLOTS_FREE)), else_=number(0)),
    }


def volunteers_for_task(actor: Actor, task: Any, limit: Any) -> Select[Any]:
    """Volunteers who could take a free position of the task and have not signed up, best first.

    Of those the organizer sees: active, with what the position asks for, free at its time.
    """
    volunteer = aliased(Volunteer)
    points = _volunteer_points(volunteer, task)
    return (
        select(
            volunteer.id.label("volunteer_id"),
            _sum(points).label("score"),
            word(rules.RULE_VERSION).label("rule_version"),
            *_labelled(points),
        )
        .where(
            policy.volunteers_suggested(actor, task),
            volunteers_policy.visible(actor, volunteer),
            volunteer.state == VolunteerState.ACTIVE,
            task.state.in_(TO_COME),
            _same_city(volunteer.area_code, task.area_code),
            _fits(actor, volunteer, task),
            ~_signed_up(volunteer, task),
            ~_blocked(volunteer, task),
        )
        .order_by(literal_column("score").desc(), volunteer.id)
        .limit(limit)
        .correlate(task)
    )


def _fits(actor: Actor, volunteer: Any, task: Any) -> ColumnElement[bool]:
    """A position has room, asks for no more than the volunteer brings, and lies in free time."""
    position = aliased(TaskPosition)
    return (
        select(literal_column("1"))
        .where(
            position.task_id == task.id,
            position.taken < position.slots,
            position.ends_at > actor.now,
            position.skills.op("<@")(volunteer.skills),
            position.trainings.op("<@")(volunteer.trained),
            ~_is_busy(volunteer, position),
        )
        .correlate_except(position)
        .exists()
    )


def _volunteer_points(volunteer: Any, task: Any) -> dict[str, ColumnElement[int]]:
    return {
        "skill_points": case(
            (task.category == func.any(volunteer.skills), number(rules.SKILLS_ALL)),
            else_=number(rules.SKILLS_NONE_ASKED),
        ),
        "area_points": _nearness(volunteer.area_code, task.area_code),
        "free_points": number(rules.FREE_THEN),
        "known_points": case(
            (_came_before(volunteer, task), number(rules.KNOWN_BEFORE)), else_=number(0)
        ),
    }


def task_reasons(actor: Actor, row: Any, limit: Any) -> Select[Any]:
    """Why a task was suggested."""
    fact = row.c
    return _listed(
        [
            (
                fact.category_points,
                rules.CATEGORY_EXACT,
                "CATEGORY",
                "Its category serves the need",
                "It takes any work",
            ),
            (fact.area_points, rules.AREA_TOWN, "AREA", "In the same town", "Near by"),
            (fact.time_points, rules.TIME_IN, "TIME", "It begins in time", "No date is asked for"),
            (fact.slot_points, rules.SLOTS_FREE, "SLOTS", "It has free places", "It is full"),
        ],
        limit,
    )


def volunteer_reasons(actor: Actor, row: Any, limit: Any) -> Select[Any]:
    """Why a volunteer was suggested."""
    fact = row.c
    return _listed(
        [
            (
                fact.skill_points,
                rules.SKILLS_ALL,
                "SKILLS",
                "Has learnt this kind of work",
                "Has what the position asks for",
            ),
            (
                fact.area_points,
                rules.AREA_TOWN,
                "AREA",
                "Wishes to help in the same town",
                "Wishes to help near by",
            ),
            (
                fact.free_points,
                rules.FREE_THEN,
                "FREE",
                "Has promised nothing else at that time",
                "Is busy",
            ),
            (
                fact.known_points,
                rules.KNOWN_BEFORE,
                "KNOWN",
                "Has come to you before",
                "Would come to you for the first time",
            ),
        ],
        limit,
    )


def _listed(reasons: list[tuple[Any, int, str, str, str]], limit: Any) -> Select[Any]:
    shown = values(
        column("place", Integer()),
        column("code", Text()),
        column("points", Integer()),
        column("text", Text()),
        name="reason",
    ).data(
        [
            (
                number(place),
                word(code),
                points,
                case((points == number(most), word(best)), else_=word(other)),
            )
            for place, (points, most, code, best, other) in enumerate(reasons, start=1)
        ]
    )
    picked = select(shown.c.code, shown.c.points, shown.c.text)
    return picked.where(shown.c.points > number(0)).order_by(shown.c.place).limit(limit)


def _labelled(points: dict[str, ColumnElement[int]]) -> list[Any]:
    return [part.label(name) for name, part in points.items()]


def _sum(points: dict[str, ColumnElement[int]]) -> ColumnElement[int]:
    first, *rest = points.values()
    for part in rest:
        first = first + part
    return first


def _fitting(line: Any) -> Any:
    """SQL: the categories of tasks that serve the line's."""
    major = func.split_part(line.category, word("."), number(1))
    listed = [
        (major == word(code), array([word(one) for one in ones], type_=Text()))
        for code, ones in rules.FITTING.items()
    ]
    return case(*listed, else_=cast(array([], type_=Text()), ARRAY(Text())))


def _nearness(code: Any, place: Any) -> ColumnElement[int]:
    def alike(length: int) -> ColumnElement[bool]:
        size = number(length)
        same = func.left(code, size) == func.left(place, size)
        return and_(same, func.length(code) >= size, func.length(place) >= size)

    return case(
        (alike(TOWN), number(rules.AREA_TOWN)),
        (alike(COUNTY), number(rules.AREA_COUNTY)),
        else_=number(rules.AREA_CITY),
    )


def _same_city(code: Any, place: Any) -> ColumnElement[bool]:
    city = func.left(place, number(CITY))
    return and_(code >= city, code < city.concat(word(":")))


def _has_slot(task: Any) -> ColumnElement[bool]:
    position = aliased(TaskPosition)
    free = exists().where(position.task_id == task.id, position.taken < position.slots)
    return free.correlate_except(position)


def _is_busy(volunteer: Any, position: Any) -> ColumnElement[bool]:
    signup = aliased(Signup)
    time = func.tstzrange(position.starts_at, position.ends_at)
    busy = exists().where(
        signup.volunteer_id == volunteer.id,
        signup.state.in_(BUSY),
        signup.period.op("&&")(time),
    )
    return busy.correlate_except(signup)


def _signed_up(volunteer: Any, task: Any) -> ColumnElement[bool]:
    signup = aliased(Signup)
    gone = (SignupState.CANCELLED, SignupState.DECLINED)
    there = exists().where(
        signup.volunteer_id == volunteer.id,
        signup.task_id == task.id,
        signup.state.not_in(gone),
    )
    return there.correlate_except(signup)


def _blocked(volunteer: Any, task: Any) -> ColumnElement[bool]:
    entry = aliased(RosterEntry)
    blocked = exists().where(
        entry.volunteer_id == volunteer.id,
        entry.organization_id == task.organization_id,
        entry.state == RosterState.BLOCKED,
    )
    return blocked.correlate_except(entry)


def _came_before(volunteer: Any, task: Any) -> ColumnElement[bool]:
    signup, other = aliased(Signup), aliased(VolunteerTask)
    came = exists().where(
        signup.volunteer_id == volunteer.id,
        signup.state == SignupState.ATTENDED,
        other.id == signup.task_id,
        other.organization_id == task.organization_id,
    )
    return came.correlate_except(signup, other)
