"""The one-time notice: everything that is missing, listed once, with the first response (T23b).

Noun: MissingNotice, about a discovery report or a need. There is never a second one.
"""
