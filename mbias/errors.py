"""The errors a user meets: one line that names the file, row or array, and the mend."""


class MbiasError(Exception):
    """A failure that is explained in one line; the command line exits with 1."""

    exit_code = 1

    def __init__(self, message: object = "") -> None:
        # What other libraries say, and messages quote, may have several.
        super().__init__(" ".join(str(message).splitlines()))


class BadInputError(MbiasError):
    """A file, an option or an array is not what it should be; the command line exits with 2."""

    exit_code = 2
