"""The errors a user meets: one line that names the file, row or array, and says what to do."""


class MbiasError(Exception):
    """A failure that is explained in one line; the command line exits with 1.

    Examples
    --------
    >>> str(MbiasError("what happened; what to do"))
    'what happened; what to do'
    """

    exit_code = 1

    def __init__(self, message: object = "") -> None:
        # Messages quote other libraries, whose texts may have several lines.
        super().__init__(" ".join(str(message).splitlines()))


class BadInputError(MbiasError):
    """A file, an option or an array is damaged or wrong; the command line exits with 2.

    Examples
    --------
    >>> mbias.open_study("models/dmo")
    Traceback (most recent call last):
    ...
    mbias.errors.BadInputError: models/dmo: there is no such folder; give the folder of a run, or of runs
    """

    exit_code = 2


class NotApplicableError(BadInputError):
    """The question, table or measure does not apply to these runs: they are sound, and lack what it needs.

    Only this error may leave a measure, a table or a section out, and what was left out is said where the result is
    shown.

    Examples
    --------
    >>> mbias.attention(mbias.load_example().runs[0], table="seeds")
    Traceback (most recent call last):
    ...
    mbias.errors.NotApplicableError: every setting has one seed, so nothing is known about other seeds; train more seeds
    """
