"""The wire protocols that Headwater speaks; each folder is one."""
