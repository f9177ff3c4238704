"""The record: what an entry says, and the hash chain that holds the entries in their order."""
