"""Every error that the SDK raises: one tree, with `RunwayError` as its root.

Each error has a `message` (a sentence for the caller) and a `code` (the HTTP status that answers
it). The module holds no other name that ends in "Error".
"""

import sys
import traceback
from typing import Any, Dict, List, Optional

_RED = '\033[31m'
_PLAIN = '\033[0m'


class RunwayError(Exception):
    """The root of the SDK's errors; on its own it means that nothing better is known."""

    code = 500
    message = 'An unknown error occurred.'

    def __init__(self, message: str = 'An unknown error occurred.') -> None:
        super().__init__(message)
        self.message = message

    def get_traceback(self) -> List[str]:
        """The traceback of the exception being handled, as a list of stripped lines."""
        error = sys.exc_info()[1] or self
        lines = traceback.format_exception(type(error), error, error.__traceback__)
        text = ''.join(lines)
        return [line.strip() for line in text.splitlines() if line.strip()]

    def print_exception(self) -> None:
        """Print the message and the traceback to stderr, in red."""
        lines = [self.message] + self.get_traceback()
        sys.stderr.write(_RED + '\n'.join(lines) + _PLAIN + '\n')
        sys.stderr.flush()

    def to_response(self) -> Dict[str, Any]:
        """The body of the HTTP answer to a request that ended in this error."""
        return {'error': self.message, 'traceback': self.get_traceback()}


class MissingOptionError(RunwayError):
    """A set-up option without a default was not given."""

    code = 400

    def __init__(self, name: str) -> None:
        super().__init__('Missing option: %s.' % name)


class MissingInputError(RunwayError):
    """An input without a default was not given to a command."""

    code = 400

    def __init__(self, name: str) -> None:
        super().__init__('Missing input: %s.' % name)


class InvalidArgumentError(RunwayError):
    """A value does not fit its type; `name` is the field, `reason` says what is wrong with it."""

    code = 400

    def __init__(self, name: str, message: Optional[str] = None) -> None:
        sentence = 'Invalid argument: %s.' % name
        super().__init__(sentence if message is None else '%s %s' % (sentence, message))
        self.name = name
        self.reason = message


class InferenceError(RunwayError):
    """A command raised, or what it returned does not fit its outputs."""

    code = 500

    def __init__(self, message: str) -> None:
        super().__init__('Error during inference: %s.' % message)


class UnknownCommandError(RunwayError):
    """The model has no command of this name."""

    code = 404

    def __init__(self, name: str) -> None:
        super().__init__('Unknown command: %s.' % name)


class SetupError(RunwayError):
    """The set-up function raised."""

    code = 500

    def __init__(self, message: str) -> None:
        super().__init__('Error during setup: %s.' % message)


class MissingArgumentError(RunwayError):
    """A data type was declared without an argument that it needs."""

    code = 500

    def __init__(self, arg: str) -> None:
        super().__init__('Missing argument: %s.' % arg)


# What `from runway.exceptions import *` brings: the errors, and not `sys` or `traceback`.
__all__ = [
    'RunwayError', 'MissingOptionError', 'MissingInputError', 'InvalidArgumentError',
    'InferenceError', 'UnknownCommandError', 'SetupError', 'MissingArgumentError',
]
