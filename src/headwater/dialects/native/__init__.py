"""The native API of Headwater: everything that it knows, as `/api/v2`."""
