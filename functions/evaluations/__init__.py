"""A quick judgement of each completion by a model, and checks that need none."""
