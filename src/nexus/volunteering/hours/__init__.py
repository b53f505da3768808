"""Hours that survive an audit: every minute with its source, by day, across organizations.

Nouns: CheckIn (one pair of coming and going), ServiceRecord (the minutes of one day and task).

CheckIn: open → closed | lapsed.
ServiceRecord: recorded → effective (day of at most 8 h) | pending_parent (up to 12 h) |
pending_province (more); pending_parent → effective | rejected | pending_province;
pending_province → effective | rejected; effective → corrected (a new row) | revoked | disputed;
disputed → effective | corrected | revoked. The figures are parameters (i志愿 rules, policy S).
"""
