"""Who may supply: framework lists and open calls with their admissions (T21c), and standings.

SupplierList: draft → open ⇄ closed → ended. Admission: applied → admitted ⇄ suspended, → refused |
withdrawn | removed. A standing says what a grade means for a supplier in a year; nobody changes it.
"""
