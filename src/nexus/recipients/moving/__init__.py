"""A person leaves one household and joins another.

What is the person's goes along: recognitions of their own, consents, aliases, identity, and the
open needs about them. What is over, and what is the household's, stays where it is. Dibao and tekun
of the household that is joined count for the person from the day on which they join (INV-34).
"""
