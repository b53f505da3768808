"""Certificates outside the graph: the PDF at a signed address, and the plain page that checks one.

GET /papers/{id} with its signature; GET /certificates and /certificates/{code}, for anybody.
"""
