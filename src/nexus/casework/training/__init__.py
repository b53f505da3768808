"""What workers learned: training records, which are never changed, only corrected by later ones.

Noun: TrainingRecord (T19, T20).
"""
