"""The bank of help: what charities run and what they can give.

A *charity project* (慈善项目) is a programme with a filing, a budget and a final disclosure. An
*offer* (帮扶资源供给) is help of one kind in one unit: for whom, where, how much, and until when.
`available` is maximum − reserved − used; the counters move only with the allocation ledger.

    project: draft → filed → active ⇄ paused;  active → completed → disclosed → archived
             draft | filed | active → cancelled
    offer:   draft → listed ⇄ paused;  listed | paused → blocked → paused
             draft | listed | paused → withdrawn;  listed | paused → expired

An offer is *stale* when nobody confirmed it for six months: visible, but not suggested.
"""
