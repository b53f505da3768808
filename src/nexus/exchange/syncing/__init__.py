"""The working set of one worker, for a device that works without signal (T19, S3).

`syncWorkset` answers all of it, or what changed since a cursor; one statement either way. Every
entry is one row, so a device keeps rows by id. What leaves the set is told once as removed; with
a removed case the device forgets what belongs to it and to no other case or visit it keeps.
"""
