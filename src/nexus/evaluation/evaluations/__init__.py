"""Evaluations of contracts: scores of several bodies, the supplier's word, a final grade (T21b).

planned → in_progress → draft → response_period → final → published → rectifying → closed;
response_period → draft where the supplier is right. From final on nothing of it is changed; what
was wrong is corrected by an addendum. The grade is a function of scores and scheme (INV-29), and
says what becomes of the supplier next year.
"""
