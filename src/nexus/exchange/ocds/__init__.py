"""Open contracting (OCDS 1.1): purchases as data, in and out.

Nouns: ContractingDocument (a release or a record, to the letter), ContractingProcess (what the
releases of one ocid come to), ContractingFinding (what does not add up in them).

    in:  file → releases and records, kept as they came → merged by process → findings
    out: a published purchase → a release for every change of it → packages at an address

Nothing is ever put right: whatever was read stays as it is, what is wrong with it is a finding,
and two releases under one id are both kept. nexus' own releases lie beside those of others, under
the source `nexus`; an amendment makes another release, and none is changed.
"""
