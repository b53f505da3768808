"""Two-way feedback with authorities: what became of a need, and what the authority answers (T5e).

Nouns: ExchangePartner (an authority's organization and how it is reached), ExchangeThread (one
household towards one partner: what keeps order), ExchangeMessage (one message, out or in).

    active ⇄ paused → closed                          a partner

    pending → sent → acked                            a message out; `sending/`
    pending | failed → acked                          … acknowledged in the answer itself
    pending | sent | failed → failed → … → dead       … tried again with growing pauses
    dead → pending                                    … replayed

    acked                                             a message in, treated once; `receiving/`

Three modes, equal in function: `call_out` posts over HTTP, signed by Standard Webhooks;
`file_drop` writes and reads files in a folder; `pull` lays messages out for collection. Whatever
the mode, the body is the same bytes, a message waits until the earlier ones of its household are
acknowledged or dead, and an acknowledgement that does not come is a failure like any other.
"""
