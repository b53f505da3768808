"""Who reads the clients' voice, and who asks and writes it down."""

from typing import Any

from sqlalchemy import ColumnElement, false, true

from nexus.acting import CHARITY, EVERYWHERE, STATION, Actor, Role
from nexus.purchasing.procurements.suppliers.policy import AUTHORITIES, BUYERS

COLLECTORS = STATION | CHARITY | {Role.VOL_ORG}
"""Whose people are there when something is done."""


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The buyer and the authorities of the area; who collected it. Not the supplier what the
    evaluator heard: it would tell who said what.
    """
    if actor.role in EVERYWHERE:
        return true()
    if actor.role in BUYERS:
        return row.buyer_id == actor.organization_id  # type: ignore[no-any-return]
    if actor.role in COLLECTORS | {Role.EVALUATOR}:
        return row.collector_id == actor.organization_id  # type: ignore[no-any-return]
    if actor.role in AUTHORITIES:
        return actor.covers(row.area_code)  # type: ignore[no-any-return]
    return false()


def may_read_text(actor: Actor, row: Any) -> Any:
    """What clients said: whoever sees the row, but not who runs the platform."""
    return actor.role is not Role.PLATFORM_ADMIN


def may_collect(actor: Actor, supplier_id: Any) -> bool:
    """At a delivery: the supplier's own people."""
    return actor.role in COLLECTORS and bool(supplier_id == actor.organization_id)


def may_ask(actor: Actor, row: Any) -> Any:
    """Of an evaluation: the evaluator's people, who are independent of the supplier."""
    return row.evaluator_id == actor.organization_id if actor.role is Role.EVALUATOR else False


def may_answer(actor: Actor, row: Any) -> Any:
    """The people of who asked."""
    return row.collector_id == actor.organization_id if actor.role is Role.EVALUATOR else False


def may_decline(actor: Actor, row: Any) -> Any:
    """The people of who asked."""
    return may_answer(actor, row)


def may_miss(actor: Actor, row: Any) -> Any:
    """The people of who asked."""
    return may_answer(actor, row)
