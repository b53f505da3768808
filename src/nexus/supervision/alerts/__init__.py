"""What somebody should look at: raised by a rule when it happens, cleared when it is over (T6c).

Nouns: Rule (data in `rules.py`: stage, severity, version), Alert (one open for a rule and a
subject). Whoever acknowledges an alert owns it. Its time is that of its severity: once it is up,
the alert is escalated, and stays where it was.

    open ──acknowledge──▶ acknowledged ──handle──▶ handling ──resolve──▶ resolved ──reopen──▶ open
      │                        │                       │
      └───────────── dismiss (reason) ─────────────────┴──▶ dismissed ──reopen──▶ open
      └───────────── clear (by the system) ────────────┴──▶ resolved

An alert of class OVERRIDE tells that somebody let a rule go (INV-22): it is never cleared by the
system, and never handled by who did that.
"""
