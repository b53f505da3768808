"""Photos and signatures of a visit, sealed: the station alone sees them (D8).

Nouns: VisitPicture (what it shows, of which visit), PictureContent (its bytes, sealed),
PictureView (one request to look at it).

    requested ──keep──▶ kept ──remove──▶ removed (its bytes are gone)
        └──expire──▶ expired

The bytes are put at a signed address. They are known by their digest: putting them again changes
nothing, asking again for a picture that is there answers that one.
"""
