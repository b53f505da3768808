"""A household that moves takes its plan and its open visits along."""
