"""The station client as the service serves it: built files, a session in a cookie, one graph door.

The client itself is `web/`; what `web/build.py` makes of it lies in `site/`, outside version
control. It reads and writes through documents of the manifest only.
"""
