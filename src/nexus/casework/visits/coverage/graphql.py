"""Coverage of households by visits in the graph."""

from datetime import date

from sqlalchemy import Date, Text, column

from nexus.areas.graphql import Area
from nexus.casework.graphql import Station
from nexus.casework.visits.coverage import queries
from nexus.graph.declare import found, listed, query, record, to_one
from nexus.graph.specs import Given


@record
class VisitCoverageCell:
    """Households of one station, village point or town in one division."""

    due: int
    due_visited: int
    visited: int
    overdue: int
    station: Station | None = to_one(column("station_id"))
    area: Area | None = to_one(column("area_code"))


@record
class VisitCoverage:
    """Households due for a visit from `since` up to `until`, of them visited, and late now."""

    since: date
    until: date
    cells: list[VisitCoverageCell] = listed(queries.cells)


@query
class CoverageQuery:
    visit_coverage: VisitCoverage = found(
        queries.within,
        default=1,
        maximum=1,
        arguments={
            "area": (str, Given(Text())),
            "since": (date, Given(Date())),
            "until": (date, Given(Date())),
        },
        about="Who was due and who was seen, by station and division of your territory; "
        "`until` is not counted. By default this month.",
    )
