"""OpenLineage: its events, and the routes that take them."""
