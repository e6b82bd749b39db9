"""The benchmark (``make bench``): what the kit costs, each figure as a ratio to a reference measured in the same run.

A row is a function in the file of its theme, entered in that file's ``ROWS``; a new theme is entered in ``__main__``.
"""
