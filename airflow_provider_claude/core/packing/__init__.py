"""Several short items share one request: their settings, what is sent, what is read back, and what is asked again.

    packing.py           whether, and how many: a setting of the plan
    weigh_packs.py       how many requests and bytes a run needs then
    pack_sorter.py       which items share a request
    pack_encoder.py      the bytes of such a request
    packed_answers.py    its answer, taken apart again
    repack.py            how many share a request in the next round
    auto_packing.py      what is tried to find out how many may share one
    score_packs.py       how far packed answers agree with those of items asked alone
    pack_verdict.py      what these scores show

The other modules are its own: the import contracts keep them from the rest of the package.
"""
