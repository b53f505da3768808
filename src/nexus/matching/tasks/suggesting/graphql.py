"""Suggestions of tasks and volunteers as edges, in the graph."""

from sqlalchemy import column

from nexus.graph.declare import derived, extend, record, to_one
from nexus.matching.suggestions.graphql import MatchReason
from nexus.matching.tasks.suggesting import queries
from nexus.needs.graphql import NeedLine
from nexus.volunteering.graphql import Volunteer
from nexus.volunteering.tasks.graphql import VolunteerTask


@record
class TaskSuggestion:
    """A task that can help with a line; the reasons add up to the score."""

    score: int
    rule_version: str
    task: VolunteerTask | None = to_one(column("task_id"))
    reasons: list[MatchReason] = derived(queries.task_reasons)


@record
class VolunteerSuggestion:
    """A volunteer who could come, by pseudonym; the reasons add up to the score."""

    score: int
    rule_version: str
    volunteer: Volunteer | None = to_one(column("volunteer_id"))
    reasons: list[MatchReason] = derived(queries.volunteer_reasons)


@extend(NeedLine)
class LineTasks:
    task_suggestions: list[TaskSuggestion] = derived(
        queries.tasks_for_line,
        about="Tasks to come that can help with the line, best first; an organizer sees its own.",
    )


@extend(VolunteerTask)
class TaskVolunteers:
    volunteer_suggestions: list[VolunteerSuggestion] = derived(
        queries.volunteers_for_task,
        about="Volunteers who could take a free position, best first; for the organizer.",
    )
