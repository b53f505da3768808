"""The authority's recognitions, by its own numbers of household, person and recognition.

Rows are read in slices: known ones are compared by digest and followed where they differ, new ones
are checked in memory and written by COPY. A row that cannot stand beside another (INV-34) is tried
again at the end, when every ending in the file is in: the order of rows does not matter.
Who a person is goes to the vault and nowhere else: no message quotes it.
"""
