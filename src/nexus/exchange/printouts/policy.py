"""Who prints which paper: whoever may read all that stands on it."""

from typing import Any

from sqlalchemy import ColumnElement, and_, false, true

from nexus.acting import STATION, Actor, Role
from nexus.casework.cases import policy as cases
from nexus.casework.visits import model as visits
from nexus.casework.visits import policy as visiting
from nexus.graph.sql import as_predicate
from nexus.matching.referrals import policy as referrals

_PRINTS = STATION | referrals.SENDERS | referrals.RECEIVERS


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """One's own."""
    if actor.role is Role.SYSTEM:
        return true()
    if actor.role not in _PRINTS:
        return false()
    return row.account_id == actor.account_id  # type: ignore[no-any-return]


def visit_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """SQL: a visit whose words the actor reads (D8)."""
    if visiting.may_read_summary(actor, row) is not True:
        return false()
    return visiting.visible(actor, row)


def case_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """SQL: a case whose words the actor reads (D8)."""
    if cases.may_read_words(actor, row) is not True:
        return false()
    return cases.visible(actor, row)


def referral_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """SQL: a referral whose summary the actor reads now, as one of its two sides."""
    if actor.role not in _PRINTS:
        return false()
    seen = referrals.visible(actor, row)
    return and_(seen, as_predicate(referrals.may_read_summary(actor, row)))


def may_print(actor: Actor) -> bool:
    """The people of stations, authorities and organizations, of what they see."""
    return actor.role in _PRINTS


def may_print_visit(actor: Actor, row: Any) -> Any:
    """The station, once it was made."""
    return row.state in visits.PERFORMED if actor.role in STATION else False
