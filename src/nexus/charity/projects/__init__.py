"""Charity projects: filed, run, completed and disclosed; they spend no more than they received.

draft → filed → active ⇄ paused;  active → completed → disclosed → archived
draft | filed | active → cancelled
"""
