"""The types of data sets, a file each; see `lthkit.catalog.entry`."""
