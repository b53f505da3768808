"""What the columns and values of one source mean: a mapping profile, written in TOML.

`model` is a profile as read, `loading` reads and checks the file, `values` turns single cells into
text, quantities and dates, and `rules` turns a row into the Entry that an import works on.
"""
