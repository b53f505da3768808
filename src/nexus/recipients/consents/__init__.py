"""What a person allows: for which purpose, which data, which receiver, until when.

Noun: Consent. requested → granted | refused; granted → withdrawn | expired | superseded; somebody
else's word for it is confirmed by the person (still granted) or lapses.
"""
