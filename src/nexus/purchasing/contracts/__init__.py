"""Contracts: what was agreed with a supplier, in items, targets and milestones (OCDS contracts).

Contract: pending → active ⇄ suspended → terminated_successfully | terminated_early; pending →
cancelled | unsuccessful. Its value is the sum of its items, and its milestones together are worth
at most that (INV-24). Drawing it up reserves the money of its budget lines, signing commits it. An
amendment is a new edition: the whole earlier text is kept, and more money is committed first.
Milestone: scheduled → met | partially_met | not_met, and may be looked at again.
"""
