"""Why a chart is not there: until somebody changes something, or until a host answers again."""


class ChartError(Exception):
    """The chart cannot be used; the message says why, and what to do."""


class ChartUnavailableError(ChartError):
    """A host does not answer, or says that it cannot at present: try again later."""
