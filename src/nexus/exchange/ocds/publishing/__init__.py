"""nexus' own purchases as open contracting releases: one for every change that the public sees.

A purchase is public from the day its tender is out, an award once it was confirmed, a contract
once it was published. Each release is the whole of that, so a reader who has only the last one has
everything; what became different since the one before is in its tags.
"""
