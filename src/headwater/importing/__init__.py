"""Reads other lineage servers into Headwater: Marquez, over HTTP or from its PostgreSQL."""
