"""What may be bought: the guiding list of assistance services, in editions (指导性目录, T21a).

Noun: CatalogueItem. draft → effective → retired. An edition put in force ends the one before it, so
that of one code one edition counts on any day.
"""
