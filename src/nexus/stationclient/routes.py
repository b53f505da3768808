"""What stands under /station/: the doors first, the files behind them."""

from starlette.responses import RedirectResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from nexus.stationclient.files import PREFIX, StationFiles
from nexus.stationclient.http import GRAPH_PATH, SESSION_PATH, StationSession


def station_routes(graph: ASGIApp) -> list[Route]:
    """The routes; `graph` is the client's door to the graph."""
    return [
        Route(PREFIX.rstrip("/"), RedirectResponse(PREFIX)),
        Route(SESSION_PATH, StationSession()),
        Route(GRAPH_PATH, graph),
        Route(PREFIX + "{path:path}", StationFiles()),
    ]
