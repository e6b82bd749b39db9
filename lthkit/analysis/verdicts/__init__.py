"""Verdicts: what the runs of a subnetwork allow to be said, on every task, and how far it holds."""
