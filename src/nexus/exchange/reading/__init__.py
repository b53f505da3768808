"""Rows out of hostile files: JSON, JSON Lines, CSV, TSV and XLSX, in the encodings met in China.

What is wrong with one row is a fault of that row; what is wrong with the file (cut in half, an
unknown encoding, a bomb) is one FileRefused, and then nothing of it is imported.
"""
