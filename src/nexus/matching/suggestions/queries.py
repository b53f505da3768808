"""The best offers for a line and the best lines for an offer, each as one SQL select.

Both run the same way: one index range gives the candidates, cheap columns score them, and the
dear conditions (policy, consent, recognition) are asked in the order of the score until enough
rows have passed. The result is exact: nothing is cut off before it was scored.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Integer,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    false,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import aliased

from nexus.acting import CHARITY, Actor, Role, shape
from nexus.charity.model import Offer, OfferArea
from nexus.charity.queries import available, has_room, is_stale
from nexus.matching.suggestions import model, policy
from nexus.matching.suggestions.fitting import queries as fitting
from nexus.matching.suggestions.scores import queries as scores
from nexus.matching.suggestions.scores.queries import Match, once
from nexus.needs.model import Need, NeedLine
from nexus.needs.queries import line_is_open, open_quantity

LIVE = (model.GapState.OPEN, model.GapState.ACKNOWLEDGED)
CODE_LENGTHS = (2, 4, 6)
"""Of provinces, cities and counties; a township's is the whole code."""


def offers_for_line(actor: Actor, line: Any, limit: Any) -> Select[Any]:
    """The offers that can serve the line, best first: ids, score, points, and what texts need.

    A charity is shown its own offers, compared with the area the need shows (INV-13).
    """
    scored = _scored_offers(actor, line).subquery()
    offer = aliased(Offer, scored)
    match = Match(
        offer=offer,
        line=line,
        need=scored.c,
        level=scored.c.level,
        left=available(offer),
        wanted=open_quantity(line),
        today=once(actor.today()),
    )
    lazily = [
        policy.offer_suggested(actor, offer),
        fitting.owner_verified(offer),
        fitting.passes(actor, offer, _NeedOf(line)),
    ]
    return _chosen(scored, match, lazily).limit(limit)


def needs_for_offer(actor: Actor, offer: Any, limit: Any) -> Select[Any]:
    """The published lines the offer can serve, best first; columns as `offers_for_line`."""
    today = once(actor.today())
    return _lines_for(actor, offer, limit).where(
        offer.state == literal_column("'listed'"), ~is_stale(offer, today)
    )


def needs_for_draft(actor: Actor, offer: Any, limit: Any) -> Select[Any]:
    """The lines that an offer not listed yet, or paused, could serve if it were listed today."""
    return _lines_for(actor, offer, limit).where(
        offer.state.in_([literal_column("'draft'"), literal_column("'paused'")])
    )


def _lines_for(actor: Actor, offer: Any, limit: Any) -> Select[Any]:
    scored = _scored_lines(actor, offer).subquery()
    line = aliased(NeedLine, scored)
    today = once(actor.today())
    match = Match(
        offer=offer,
        line=line,
        need=scored.c,
        level=scored.c.level,
        left=available(offer),
        wanted=open_quantity(line),
        today=today,
    )
    lazily = [policy.line_suggested(actor, line), _served(actor, offer, line)]
    return (
        _chosen(scored, match, lazily)
        .where(policy.offer_suggested(actor, offer), fitting.owner_verified(offer), has_room(offer))
        .limit(limit)
    )


def _served(actor: Actor, offer: Any, line: Any) -> ColumnElement[bool]:
    need = aliased(Need)
    found = select(literal_column("1", Integer())).where(
        need.id == line.need_id, fitting.passes(actor, offer, need)
    )
    return found.correlate_except(need).exists()


def _chosen(scored: Any, match: Match, lazily: list[Any]) -> Select[Any]:
    """The rows that pass, in order. The CASE keeps the planner from asking `lazily` too early."""
    asked: ColumnElement[Any] = literal_column("true", Boolean())
    for condition in reversed(lazily):
        asked = case((condition, asked), else_=literal_column("false", Boolean()))
    ids = (match.offer.id.label("offer_id"), match.line.id.label("line_id"))
    return (
        select(*ids, scored.c.score, *scores.columns(match))
        .where(asked)
        .order_by(scored.c.score.desc(), scored.c.id)
    )


def _scored(row: Any, match: Match) -> Select[Any]:
    """Every column of the row, what scores it, and the score; OFFSET keeps the order a plan."""
    need = match.need
    return (
        select(row, scores.total(match).label("score"), match.level.label("level"))
        .add_columns(need.urgency.label("urgency"), need.needed_by.label("needed_by"))
        .order_by(literal_column("score").desc(), row.id)
        .offset(literal_column("0"))
    )


def _scored_offers(actor: Actor, line: Any) -> Select[Any]:
    place = _place(actor, line)
    near = _offer_candidates(line, place)
    offer, need, today = aliased(Offer), _NeedOf(line), once(actor.today())
    match = Match(
        offer=offer,
        line=line,
        need=need,
        level=scores.meeting(near.c.reach, place),
        left=available(offer),
        wanted=once(open_quantity(line), line),
        today=today,
    )
    return (
        _scored(offer, match)
        .select_from(near)
        .join(offer, offer.id == near.c.id)
        .where(
            line_is_open(line),
            fitting.in_time(offer, need, today),
            ~is_stale(offer, today),
            has_room(offer),
        )
        .correlate(line)
    )


class _NeedOf:
    """The columns of the line's need as scalars, each read once for all offers."""

    def __init__(self, line: Any) -> None:
        self._line, self._need = line, aliased(Need)

    def __getattr__(self, name: str) -> Any:
        column = getattr(self._need, name)
        found = select(column).where(self._need.id == self._line.need_id)
        return found.correlate_except(self._need).scalar_subquery()


def _offer_candidates(line: Any, place: Any) -> Any:
    """Offer ids with their reach towards the place: at or above it by a list, below by a range."""
    area = aliased(OfferArea)
    alike = (
        area.category == line.category,
        area.kind == line.kind,
        area.unit == line.unit,
        area.state == literal_column("'listed'"),
        fitting.item_key_fits(area.item_key, line.item_code),
    )
    chosen = select(area.offer_id.label("id"), scores.reach(area.area_code).label("reach"))
    above = chosen.where(*alike, area.area_code == func.any(_ancestors(place))).correlate(line)
    start = _start(place)
    below = chosen.where(
        *alike, area.area_code > start, area.area_code < start.concat(literal_column("':'"))
    ).correlate(line)
    found = union_all(above, below).subquery()
    return (
        select(found.c.id, func.max(found.c.reach).label("reach"))
        .group_by(found.c.id)
        .correlate(line)
        .subquery()
    )


def _scored_lines(actor: Actor, offer: Any) -> Select[Any]:
    near = _line_candidates(actor, offer)
    line, need, today = aliased(NeedLine), aliased(Need), once(actor.today())
    place = need.shown_area_code if actor.role in CHARITY else line.area_code
    match = Match(
        offer=offer,
        line=line,
        need=need,
        level=scores.meeting(near.c.reach, place),
        left=once(available(offer), offer),
        wanted=open_quantity(line),
        today=today,
    )
    return (
        _scored(line, match)
        .select_from(near)
        .join(line, line.id == near.c.id)
        .join(need, need.id == line.need_id)
        .where(line_is_open(line), fitting.in_time(offer, need, today))
        .correlate(offer)
    )


def _line_candidates(actor: Actor, offer: Any) -> Any:
    """Line ids with the offer's reach towards them."""
    area, line = aliased(OfferArea), aliased(NeedLine)
    alike = and_(
        line.category == offer.category,
        line.kind == offer.kind,
        line.unit == offer.unit,
        line.published,
        fitting.item_key_fits(offer.item_key, line.item_code),
    )
    chosen: Any = (
        select(line.id.label("id"), scores.reach(area.area_code).label("reach"))
        .join_from(area, line, alike)
        .where(area.offer_id == offer.id)
    )
    start, ancestors = _start(area.area_code), _ancestors(area.area_code)
    end = start.concat(literal_column("':'"))
    parts = [
        chosen.where(line.area_code >= start, line.area_code < end),
        chosen.where(line.area_code == func.any(ancestors)),
    ]
    if actor.role in CHARITY:
        parts += _lines_shown_wider(chosen, line, area)
    found = union_all(*(part.correlate(offer) for part in parts)).subquery()
    return (
        select(found.c.id, func.max(found.c.reach).label("reach"))
        .group_by(found.c.id)
        .correlate(offer)
        .subquery()
    )


def _lines_shown_wider(chosen: Any, line: Any, area: Any) -> list[Any]:
    """Lines whose needs show a division around the offer's: the county, or rarely a wider one.

    What a need shows begins the code of its lines, so those of a county are a range of the index.
    """
    need, code = aliased(Need), area.area_code
    county = func.left(code, literal_column("6"))
    by_county = chosen.join(need, need.id == line.need_id).where(
        func.length(code) > literal_column("6"),
        line.area_code >= county,
        line.area_code < county.concat(literal_column("':'")),
        need.shown_area_code == county,
    )
    wider = [literal_column("'CN'"), func.left(code, literal_column("2"))]
    wider.append(func.left(code, literal_column("4")))
    shown = need.shown_area_code
    around = select(need.id).where(shown == func.any(array(wider, type_=Text())), shown != code)
    fence = around.correlate(area).offset(literal_column("0")).lateral()
    return [by_county, chosen.join(fence, fence.c.id == line.need_id)]


def _place(actor: Actor, line: Any) -> Any:
    """The division a line is compared by: for charities no finer than the need shows."""
    if actor.role not in CHARITY:
        return line.area_code
    need = aliased(Need)
    shown = select(need.shown_area_code).where(need.id == line.need_id)
    return shown.correlate_except(need).scalar_subquery()


def _ancestors(code: Any) -> Any:
    """SQL: the codes of the division and of everything above it."""
    above = [func.left(code, literal_column(str(length))) for length in CODE_LENGTHS]
    return array([literal_column("'CN'"), *above, code], type_=OfferArea.area_code.type)


def _start(code: Any) -> Any:
    """SQL: what the codes of everything below begin with."""
    return case((code == literal_column("'CN'"), literal_column("''", Text())), else_=code)


def served_lines(actor: Actor, offer_id: Any) -> Select[Any]:
    """The ids of every line the offer can serve."""
    offer = aliased(Offer)
    found = needs_for_offer(actor, offer, null()).correlate(offer).lateral()
    return select(found.c.line_id).join_from(offer, found, true()).where(offer.id == offer_id)


def in_reach(offer: Offer, codes: Sequence[str], line: Any) -> ColumnElement[bool]:
    """SQL: the line is of the offer's category, kind, unit and items, in or around the areas."""
    near = []
    for code in codes:
        start = "" if code == "CN" else code
        above = ["CN", *(code[:end] for end in CODE_LENGTHS if end < len(code)), code]
        within = and_(line.area_code >= start, line.area_code < f"{start}:")
        near.append(or_(within, line.area_code.in_(above)))
    return and_(
        line.category == offer.category,
        line.kind == offer.kind.value,
        line.unit == offer.unit,
        fitting.item_key_fits(literal(offer.item_code or ""), line.item_code),
        or_(false(), *near),
    )


def areas_of(offer_id: Any) -> Select[str]:
    """The divisions the offer serves."""
    area = OfferArea
    return select(area.area_code).where(area.offer_id == offer_id).order_by(area.area_code)


def offers_of(organization_id: Any) -> Select[Offer]:
    """The listed offers of an organization."""
    offer = Offer
    listed = offer.state == literal_column("'listed'")
    return select(offer).where(offer.organization_id == organization_id, listed)


def lines_without_offer(actor: Actor, condition: Callable[[Any], Any]) -> Select[NeedLine]:
    """The open lines under the condition that no offer can serve, and that have no live gap."""
    line, gap = aliased(NeedLine), aliased(model.Gap)
    served = offers_for_line(actor, line, literal_column("1")).correlate(line).exists()
    known = select(gap.id).where(gap.line_id == line.id, gap.state.in_(LIVE)).exists()
    return (
        select(line).where(line_is_open(line), condition(line), ~known, ~served).order_by(line.id)
    )


@cache
def lines_of_need_without_offer() -> Select[NeedLine]:
    """`lines_without_offer` of the need `need_id`, for the system. Built once: it is large."""
    need_id = bindparam("need_id", None, type_=Uuid())
    return lines_without_offer(shape(Role.SYSTEM), lambda line: line.need_id == need_id)


@cache
def gaps_an_offer_fills() -> Select[model.Gap]:
    """The live gaps, locked, that the offer `offer_id` can fill. Built once: it is large."""
    offer_id = bindparam("offer_id", None, type_=Uuid())
    served = served_lines(shape(Role.SYSTEM), offer_id)
    return take_live_gaps(lambda gap: gap.line_id.in_(served))


def take_live_gaps(condition: Callable[[Any], Any]) -> Select[model.Gap]:
    """The live gaps under the condition, locked."""
    gap = model.Gap
    return (
        select(gap)
        .where(gap.state.in_(LIVE), condition(gap))
        .order_by(gap.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def gap_counts(actor: Actor, row: Any, limit: Any) -> Select[Any]:
    """Live gaps by category, kind and county, the most first."""
    gap = aliased(model.Gap)
    county = func.left(gap.area_code, literal_column("6"))
    return (
        select(
            gap.category,
            func.upper(gap.kind).label("kind"),
            county.label("area_code"),
            func.count().label("gaps"),
            func.min(gap.opened_at).label("oldest_at"),
        )
        .where(gap.state.in_(LIVE), policy.counts_visible(actor, gap))
        .group_by(gap.category, gap.kind, county)
        .order_by(func.count().desc(), gap.category, gap.kind, county)
        .limit(limit)
    )
