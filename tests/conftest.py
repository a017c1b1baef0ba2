"""What holds for all tests."""

from hypothesis import settings

# A busy machine makes no test wrong: time is what benchmarks measure.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
