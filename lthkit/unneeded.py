"""What processes of our own need not load."""

import sys


def leave_out_iri_grammar() -> None:
    """Spare this process two seconds.

    nbformat imports jsonschema, which imports rfc3987_syntax where it is installed, which builds a grammar of IRIs; no
    notebook has any. Only for processes that are ours alone: whoever imports lthkit keeps what jsonschema offers.
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # None: "not installed"
