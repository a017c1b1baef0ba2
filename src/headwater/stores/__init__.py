"""The databases that Headwater keeps its log and its graph in; each folder is one."""
