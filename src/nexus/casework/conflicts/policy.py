"""Who sees what was entered, and who settles it: as the row that it was entered into."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, exists, false, or_
from sqlalchemy.orm import aliased

from nexus.acting import STATION, Actor, Role, Visible
from nexus.casework.assessments import policy as assessments
from nexus.casework.assessments.model import TRANSITIONS as ASSESSMENT
from nexus.casework.assessments.model import Assessment
from nexus.casework.cases import policy as cases
from nexus.casework.cases.model import TRANSITIONS as CASE
from nexus.casework.cases.model import Case
from nexus.casework.visits import policy as visits
from nexus.casework.visits.model import TRANSITIONS as VISIT
from nexus.casework.visits.model import Visit
from nexus.core.states import Transitions
from nexus.graph.sql import as_predicate


@dataclass(frozen=True)
class Subject:
    """A kind of row that is edited field by field."""

    model: Any
    visible: Visible
    may_update: Callable[[Actor, Any], Any]
    transitions: Transitions[Any]
    event: str


SUBJECTS = {
    kind.model.__tablename__: kind
    for kind in (
        Subject(Case, cases.visible, cases.may_update, CASE, "case.updated"),
        Subject(Visit, visits.visible, visits.may_update, VISIT, "visit.updated"),
        Subject(
            Assessment,
            assessments.visible,
            assessments.may_update,
            ASSESSMENT,
            "assessment.updated",
        ),
    )
}


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The station's people, of what they see: a field may hold words that others do not read."""
    if actor.role not in STATION | {Role.SYSTEM}:
        return false()
    return _of_a_subject(row, lambda kind, subject: kind.visible(actor, subject))


def may_adopt(actor: Actor, row: Any) -> Any:
    """Whoever may change the row."""
    if actor.role not in STATION:
        return False
    return _of_a_subject(row, lambda kind, subject: kind.may_update(actor, subject))


def _of_a_subject(row: Any, holds: Callable[[Subject, Any], Any]) -> ColumnElement[bool]:
    """SQL: the edit is of a row of which it holds."""
    branches = []
    for table, kind in SUBJECTS.items():
        subject = aliased(kind.model)
        found = exists().where(subject.id == row.subject_id, as_predicate(holds(kind, subject)))
        branches.append((row.subject_type == table) & found)
    return or_(*branches)


def may_settle(actor: Actor, row: Any) -> Any:
    """Whoever works with the row; the deed asks for the right to change it as well."""
    return actor.role in STATION
