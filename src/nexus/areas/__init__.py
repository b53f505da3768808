"""Where and what: the divisions of the country, the code lists of the field, and the standards.

Nouns: area (a division, its code the prefix of all below it), alias (a code or name that once
meant a division), code entry (one code of one list, labelled in three languages), assistance
standard (an amount a person and month, in force for a time), parameter (a figure of law or local
rule, in force in an area for a time). All of it is reference data: read by
everyone, loaded from `data/` by `operations.load_reference`, changed by changing the files.

There is no state here: a row is in force from `valid_from` until before `valid_to`.
"""
