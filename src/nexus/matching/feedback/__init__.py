"""What the recipient, the receiver and the authority say of the help (T5e).

    received → read → handled

The rating is for everybody who sees the feedback; the text stays in the need's territory and with
the organization that wrote it, because it may tell who somebody is.
"""
