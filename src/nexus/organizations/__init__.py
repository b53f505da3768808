"""Parties: who gives, who serves, who governs, and what each is qualified to do.

Nouns: organization (a party, HSDS `organization`), qualification (a certificate with a period of
validity). The register of verified parties is public; drafts are for their own people and for the
authority of their area.

    draft ──submit──▶ submitted ──verify──▶ verified ◀──reinstate── suspended
                          │                  │   └──────suspend───────▶ │
                          └──reject──▶       └─deregister─▶ deregistered ◀─deregister─┘
                             rejected

A rejected or deregistered party stays as it is: a new registration is a new row. Suspended means no
new pledges, referrals or projects.
"""
