"""The HTTP side that all dialects share: messages, routing on the raw path, limits, the server."""
