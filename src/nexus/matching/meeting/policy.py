"""Whom the pack of an area is for."""

from typing import Any

from nexus.acting import EVERYWHERE, TERRITORIAL, Actor


def may_prepare(actor: Actor, area_code: Any) -> Any:
    """Authorities, stations and oversight, for areas within their territory."""
    if actor.role in EVERYWHERE:
        return True
    return actor.covers(area_code) if actor.role in TERRITORIAL else False
