"""Amazon DataZone: its lineage API, for unmodified AWS clients."""
