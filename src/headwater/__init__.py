"""Headwater: a data-lineage server that keeps every event and answers from one graph."""

__version__ = "0.1.0"
