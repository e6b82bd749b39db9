"""Masks of searches: where weights and kernels are left, round by round, and how far searches agree."""
