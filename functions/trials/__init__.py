"""What a replay and a run on examples have in common: a definition tried on many inputs, and what came of each."""
