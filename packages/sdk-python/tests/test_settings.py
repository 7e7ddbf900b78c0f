"""Arguments of `run` and the variables that override them."""

import unittest

from support import Case
from runway._settings import gpu, read_settings


class SettingsTest(Case):
    def setUp(self):
        super().setUp()
        self.environment(RW_HOST=None, RW_PORT=None, RW_MODEL_OPTIONS=None, RW_META=None,
                         RW_NO_SERVE=None, RW_DEBUG=None, GPU=None)

    def read(self, host='0.0.0.0', port=9000, model_options=None, debug=False, meta=False,
             no_serve=False):
        return read_settings(host, port, model_options, debug, meta, no_serve)

    def test_arguments_stand_where_no_variable_is_set(self):
        settings = self.read('h', 80, {'a': 1}, True, False, True)
        self.assertEqual(tuple(settings), ('h', 80, {'a': 1}, True, False, True))
        self.assertEqual(self.read().model_options, {})

    def test_variables_override_them(self):
        self.environment(RW_HOST='::1', RW_PORT='81', RW_MODEL_OPTIONS='{"b": "é"}', RW_META='1',
                         RW_NO_SERVE='0', RW_DEBUG='0')
        settings = self.read('h', 80, {'a': 1}, True, False, True)
        self.assertEqual(tuple(settings), ('::1', 81, {'b': 'é'}, False, True, False))

    def test_booleans_are_numbers_or_words(self):
        for text, expected in (('1', True), ('0', False), ('2', True), ('true', True),
                               ('Yes', True), ('FALSE', False), ('no', False), ('', False)):
            self.environment(RW_META=text, GPU=text)
            self.assertIs(self.read().meta, expected)
            self.assertIs(gpu(), expected)

    def test_a_variable_that_cannot_be_understood_ends_the_program_with_a_sentence(self):
        for name, text in (('RW_PORT', 'http'), ('RW_PORT', '99999'), ('RW_META', 'maybe'),
                           ('RW_MODEL_OPTIONS', '{'), ('RW_MODEL_OPTIONS', '[]')):
            self.environment(**{name: text})
            with self.assertRaises(SystemExit) as caught:
                self.read()
            self.assertIn(name, caught.exception.code)
            self.environment(**{name: None})


if __name__ == '__main__':
    unittest.main()
