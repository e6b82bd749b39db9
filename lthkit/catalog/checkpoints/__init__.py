"""The types of checkpoints, a file each; see `lthkit.catalog.entry`."""
