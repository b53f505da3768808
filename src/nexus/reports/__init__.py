"""Reports a buyer can put on the table: one model, every format, the same numbers.

A definition (`defined/`, one file a report) says which tables there are and how each is asked of
the ledgers. `queries` runs it for one area and period as one reader; `rendering/` makes a page,
a workbook, a PDF or a list of what was found. Noun: ReportSnapshot, a report as it was found once,
kept with its hash and re-issued in any format. It is never changed.
"""
