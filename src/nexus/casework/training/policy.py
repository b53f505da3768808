"""Who sees training records, and who keeps them."""

from typing import Any

from sqlalchemy import ColumnElement, exists, true
from sqlalchemy.orm import aliased

from nexus.acting import EVERYWHERE, Actor
from nexus.casework import policy as casework
from nexus.casework.model import Worker


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As the posting of the worker."""
    if actor.role in EVERYWHERE:
        return true()
    worker = aliased(Worker)
    return exists().where(worker.id == row.worker_id, casework.worker_visible(actor, worker))


def may_keep(actor: Actor, row: Any) -> Any:
    """Of a station: who may post workers to it."""
    return casework.may_post(actor, row)
