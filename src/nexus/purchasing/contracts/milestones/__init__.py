"""Milestones settled by the buyer's word; those with money are settled by acceptances above."""
