"""Huawei Cloud DataArts Studio: what its SDKs and curl users post and ask."""
