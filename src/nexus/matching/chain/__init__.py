"""All that happened for one household, in order: the assistance chain (T5c, T22).

It has no table. A step is a moment of a row (a need published, a pledge accepted, a delivery
confirmed), and is shown to whoever sees that row. A charity asks by the alias that it knows a
person by, and is shown what it took part in itself.
"""
