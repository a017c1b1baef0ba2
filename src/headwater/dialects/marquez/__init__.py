"""Marquez' API: what its clients and its web UI ask for, answered from Headwater's graph."""
