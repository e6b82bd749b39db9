"""Channels of a masked network: which are dead, and which can be cut out of it."""
