"""Files in: rows of other systems' files become needs and offers through mapping profiles.

`reading` turns a file or a folder into rows of labelled cells and trusts nothing in them;
`profiles` says what the labels and values of one source mean; `importing` makes of each row a
created, updated, unchanged, withdrawn, duplicate or rejected object and reports every one.

    reading: bytes → Row        profiles: Row → Entry        importing: Entry → operations

A row's object is found again by its external reference (system, type, value), so a file read
twice changes nothing, and an object missing from a newer snapshot is withdrawn, never erased.
"""
