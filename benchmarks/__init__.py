"""Headwater's benchmarks (`python -m benchmarks`): load from a seed, measured at the client."""
