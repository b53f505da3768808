"""What a running project tells of itself: every three months where it lasts more than six.

(Charity Law practice.) The final disclosure follows its end: `charity.projects.reactions`.
"""
