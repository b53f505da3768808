"""What reached the recipient, and whose word it is.

A *delivery* takes a quantity of a pledge from committed to delivered; the recipient's word,
recorded by somebody else, takes it on to confirmed. Its table stands with the ledger, in pledges.

    recorded → acknowledged → verified (a sampling visit)
    recorded → disputed → acknowledged (upheld) | reversed (the quantity is open again)
"""
