"""Usage over time, by language model, function, API key and tag.

`marks` tells which hours changed, `rollups` adds hours and days up in the background, `ledger` answers: from rows
where they fit, from the spans themselves for the rest, so that the sum is always that of the spans.
"""
