"""The whole schema: the slices, listed plainly."""

import strawberry

import nexus.accounts.clients.graphql
import nexus.accounts.graphql
import nexus.areas.graphql
import nexus.casework.assessments.graphql
import nexus.casework.cases.closing.graphql
import nexus.casework.cases.graphql
import nexus.casework.cases.plans.graphql
import nexus.casework.cases.reactions
import nexus.casework.cases.records.graphql
import nexus.casework.cases.stages.graphql
import nexus.casework.conferences.graphql
import nexus.casework.graphql
import nexus.casework.openings.model
import nexus.casework.pairing.model
import nexus.casework.training.model
import nexus.casework.visits.model
import nexus.charity.graphql
import nexus.charity.projects.reactions
import nexus.discovery.graphql
import nexus.discovery.handling.graphql
import nexus.discovery.intake.graphql
import nexus.discovery.reporters.graphql
import nexus.discovery.transfers.graphql
import nexus.emergencies.graphql
import nexus.exchange.changes.graphql
import nexus.exchange.changes.reactions
import nexus.exchange.exports.graphql
import nexus.exchange.importing.requests.graphql
import nexus.exchange.importing.requests.reactions
import nexus.exchange.messages.acks.graphql
import nexus.exchange.messages.alarms.reactions
import nexus.exchange.messages.graphql
import nexus.exchange.messages.receiving.graphql
import nexus.exchange.uploads.graphql
import nexus.exchange.webhooks.deliveries.graphql
import nexus.exchange.webhooks.graphql
import nexus.matching.chain.graphql
import nexus.matching.deliveries.graphql
import nexus.matching.duties.graphql
import nexus.matching.duties.reactions
import nexus.matching.feedback.graphql
import nexus.matching.helped.graphql
import nexus.matching.pledges.graphql
import nexus.matching.referrals.graphql
import nexus.matching.referrals.identity.graphql
import nexus.matching.referrals.reactions
import nexus.matching.replies.graphql
import nexus.matching.suggestions.graphql
import nexus.matching.suggestions.reactions
import nexus.matching.suggestions.register.graphql
import nexus.matching.suggestions.register.reactions
import nexus.matching.worklist.graphql
import nexus.needs.drafts.graphql
import nexus.needs.graphql
import nexus.needs.lifecycle.graphql
import nexus.needs.notices.graphql
import nexus.needs.notices.reactions
import nexus.needs.provisional.graphql
import nexus.needs.provisional.reactions
import nexus.needs.publication.graphql
import nexus.needs.reactions
import nexus.needs.staging.graphql
import nexus.obligations.graphql
import nexus.organizations.graphql
import nexus.recipients.attestations.graphql
import nexus.recipients.attestations.reactions
import nexus.recipients.consents.graphql
import nexus.recipients.graphql
import nexus.recipients.merging.graphql
import nexus.recipients.moving.graphql
import nexus.recipients.recognitions.graphql
import nexus.recipients.vault.graphql
import nexus.supervision.alerts.graphql
import nexus.supervision.alerts.reactions
import nexus.supervision.relaxing.reactions
import nexus.supervision.worklists.policy
import nexus.volunteering.graphql
import nexus.volunteering.guardians.graphql
import nexus.volunteering.identity.graphql
import nexus.volunteering.tasks.attendance.graphql
import nexus.volunteering.tasks.graphql
import nexus.volunteering.tasks.lifecycle.graphql
import nexus.volunteering.tasks.reactions
import nexus.volunteering.tasks.signups.graphql
import nexus.volunteering.teams.graphql  # noqa: F401
from nexus.graph.building import build_schema


def make_schema() -> strawberry.Schema:
    """Everything the slices declared, as one Strawberry schema."""
    return build_schema()
