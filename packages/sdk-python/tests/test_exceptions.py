"""The errors: their codes, their sentences, and what they show of a traceback."""

import unittest

from support import Case
from runway import exceptions
from runway.exceptions import (
    InferenceError, InvalidArgumentError, MissingArgumentError, MissingInputError,
    MissingOptionError, RunwayError, SetupError, UnknownCommandError)


class ExceptionsTest(Case):
    def test_codes_and_messages(self):
        cases = [
            (RunwayError(), 500, 'An unknown error occurred.'),
            (MissingOptionError('x'), 400, 'Missing option: x.'),
            (MissingInputError('x'), 400, 'Missing input: x.'),
            (InvalidArgumentError('x'), 400, 'Invalid argument: x.'),
            (InvalidArgumentError('x', 'too long'), 400, 'Invalid argument: x. too long'),
            (InferenceError('x'), 500, 'Error during inference: x.'),
            (UnknownCommandError('x'), 404, 'Unknown command: x.'),
            (SetupError('x'), 500, 'Error during setup: x.'),
            (MissingArgumentError('x'), 500, 'Missing argument: x.'),
        ]
        for error, code, message in cases:
            self.assertIsInstance(error, RunwayError)
            self.assertEqual((error.code, error.message, str(error)), (code, message, message))

    def test_every_error_of_the_module_can_be_made_from_one_string(self):
        for name in dir(exceptions):
            if name.endswith('Error'):
                self.assertIn(name, exceptions.__all__)
                self.assertTrue(getattr(exceptions, name)('text').message)

    def test_the_response_shows_the_exception_being_handled(self):
        try:
            try:
                {}['gone']
            except KeyError as error:
                raise InferenceError(repr(error))
        except InferenceError as error:
            response = error.to_response()
        self.assertTrue(response['error'].startswith("Error during inference: KeyError('gone'"))
        text = '\n'.join(response['traceback'])
        self.assertIn('KeyError', text)
        self.assertIn('InferenceError', text)
        self.assertEqual(response['traceback'], [x.strip() for x in response['traceback'] if x])

    def test_an_error_that_nobody_raised_has_a_traceback_of_one_line(self):
        self.assertEqual(SetupError('x').get_traceback(),
                         ['runway.exceptions.SetupError: Error during setup: x.'])

    def test_prints_itself_in_red(self):
        stderr = self.quiet_stderr()
        try:
            raise UnknownCommandError('dance')
        except UnknownCommandError as error:
            error.print_exception()
        printed = stderr.getvalue()
        self.assertTrue(printed.startswith('\033[31mUnknown command: dance.\n'))
        self.assertIn('raise UnknownCommandError', printed)
        self.assertTrue(printed.endswith('\033[0m\n'))


if __name__ == '__main__':
    unittest.main()
