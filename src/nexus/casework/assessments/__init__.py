"""What a household lives with, asked by a versioned instrument (五维, T23c).

Nouns: Instrument (items and scoring, as data), Assessment, ProposedMeasure (each with the channel
that could bring it). The instrument's version scores the answers and sets the tier of risk; above
its threshold the station's lead countersigns.

    draft ─complete→ completed ─supersede→ superseded
                       └ countersign ┘
"""
