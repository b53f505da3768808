"""Already helped? Whether a household has had its share of an item, whoever gave it (T18b, INV-10).

Nouns: HelpLimit (how much of an item a household may get within how many days, as effective-dated
data), HelpOverride (an approver's word that one more pledge may pass the limit).

The ledger is counted by household, item and window, across organizations, and the answer names
neither the household nor who helped. A pledge is checked under a lock of its household, so that two
at once cannot both pass. Households that were merged count as one.

    override: granted → used, by the next pledge that needs it
"""
