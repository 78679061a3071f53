"""A link that notices that its receipts cannot be matched."""


async def test_ids_that_would_match_otherwise_are_told(smsc, make_rig, poll):
    rig = await make_rig(window=100).bound()
    assert rig.link.state.suggestion == ""
    rig.link.send([rig.outgoing() for _ in range(40)])
    await rig.answered(40)
    for answer in rig.answers:  # "id7" comes back as "ID7"
        smsc.receipt(smsc.shells[0], answer.carrier_ids[0].upper())
    await poll(lambda: len(rig.receipts) == 40)
    assert rig.link.state.suggestion.startswith("receipt ids would match as case_insensitive: ")


async def test_nothing_is_told_where_they_match(smsc, make_rig, poll):
    rig = await make_rig(window=100).bound()
    rig.link.send([rig.outgoing() for _ in range(40)])
    await rig.answered(40)
    for answer in rig.answers:
        smsc.receipt(smsc.shells[0], answer.carrier_ids[0])
    await poll(lambda: len(rig.receipts) == 40)
    assert rig.link.state.suggestion == ""
