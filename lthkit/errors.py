"""What lthkit raises for its users' mistakes: one sentence that names the culprit and the mend."""

from lthkit.terminal import printable


class LthkitError(ValueError):
    """Bad input: a catalog, parameter, checkpoint, store or mask that cannot be used as given."""

    def __init__(self, sentence: str) -> None:
        super().__init__(printable(sentence))  # it quotes names of files and entries that nobody vouches for


class StoreError(LthkitError):
    """A store that is damaged, locked, too new or does not fit what is asked of it."""


class RunFailed(LthkitError):
    """Work that began and did not reach its end."""


class TimeIsUp(LthkitError):
    """Work that stopped in good time before its limit; the same command goes on."""


class TrainingDiverged(RunFailed):
    """The loss is not finite; what was committed before is kept."""


class LthkitWarning(UserWarning):
    """Something the user can act on; never used to hide a fallback."""
