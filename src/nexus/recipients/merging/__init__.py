"""One person, two records: found, proposed, merged by a pointer, and taken apart again.

Noun: DuplicateSuspicion. Search before create asks the vault by keyed hash; a clock compares what
was recorded. Nothing moves in a merge: the record that goes points at the one that stays, so that
allocations, consents and aliases stay where they are and an unmerge restores every row.

    open → merged | kept_apart(reason);  merged → kept_apart(reason), by an unmerge

A station's lead or a clerk proposes, the authority's approver decides (INV-18). Aliases stay as
they are: an organization that knows both records knows two names, as before (INV-15).
"""
