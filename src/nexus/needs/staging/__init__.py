"""Staged help: one approval, ordered tranches, each released when the last has arrived (T15e).

A need is staged when its lines have more than one tranche number. Lines of a tranche that is not
released are held: published with the need, yet they take no pledges and get no suggestions.
"""
