"""What recipients, households and groups still lack: the unified publication of needs (T5c).

A Need has one subject (a recipient, a household or a group), one publisher (the authority that
hears what became of it), one owner, and NeedLines: a kind of help each, with a quantity or
open-ended. Its lifecycle is stored; how far a line is covered is derived from the four counters
that the allocation ledger keeps on it.

    draft ─submit→ submitted ─verify→ verified ─publish→ published ⇄ paused ─close→ closed
      ↑               │  │               │                  └──────close──────────────→ │
      update   return │  │ reject        │ reject                                        │ reopen
                      ↓  └──→ rejected ←─┘                                               ↓
                  returned ─submit→ submitted                                        verified
    draft | submitted | verified | published | paused ─cancel→ cancelled
    draft ─publish_provisionally→ published, whose verification is owed: ─verify_later→ published

Published does not mean public: who sees a published need depends on its visibility and on the
consent behind it, asked at every read. A withdrawn consent ends the view at once, and the news of
it pauses the need.

When the subject's recognition ends, or they die, a live need is frozen (`confirm_needed`): pledges
stand still, in whatever state, until the station confirms that it still stands.
"""
