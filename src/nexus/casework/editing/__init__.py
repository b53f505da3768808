"""Changed fields of a row: kept for good, and merged when two devices edit at once.

Noun: FieldEdit, one new value of one field. A phone without signal sends only the fields it
changed and the version it knew. Fields that nobody else changed since are merged; where another
value stands by now, that one stays and the late one is kept beside it until somebody decides.

    applied
    conflicting ──adopt──▶ adopted (a new applied edit)
         └──set aside──▶ set_aside

Who sees an edit is who sees its row, so the graph side stands above the rows: `conflicts/`.
"""
