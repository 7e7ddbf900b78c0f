"""Declaring and running a model, without sockets."""

import contextlib
import io
import json
import unittest

from support import Case, needs, run_model
from runway import RunwayModel
from runway.data_types import (
    any, array, category, file, image_point, number, text, vector)
from runway.exceptions import (
    InferenceError, InvalidArgumentError, MissingInputError, SetupError, UnknownCommandError)


class ModelCase(Case):
    def setUp(self):
        super().setUp()
        self.environment(RW_HOST=None, RW_PORT=None, RW_MODEL_OPTIONS=None, RW_META=None,
                         RW_NO_SERVE='1', RW_DEBUG=None, GPU=None)
        self.rw = RunwayModel()

    def run_quietly(self, **arguments):
        """Run without a server; what was printed."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            self.rw.run(**arguments)
        return printed.getvalue()

    def infer(self, result, outputs, formats=None):
        """What a command whose handler returns (or yields) `result` answers."""
        self.rw.command('c', inputs={'x': any}, outputs=outputs)(result)
        command = self.rw.get_command('c')
        values = self.rw.read_inputs(command, {'x': 1})
        return json.loads(self.rw.infer(command, values, formats or {}).decode('utf-8'))


class SetupTest(ModelCase):
    def test_both_forms_return_the_function(self):
        def setup(options=None):
            return 5

        for decorate in (self.rw.setup, self.rw.setup(), self.rw.setup(options={'a': text})):
            self.assertIs(decorate(setup), setup)

    def test_calls_the_function_with_what_it_takes(self):
        received = []

        def none():
            received.append('none')

        def one(options):
            received.append(options)

        for decorate in (self.rw.setup, self.rw.setup(), self.rw.setup(options={})):
            for function in (none, one):
                decorate(function)
                self.run_quietly()
        self.assertEqual(received, ['none', {}] * 3)
        self.rw.setup(options={'a': text(default='x'), 'b': number})(one)
        self.run_quietly(model_options={'b': 2, 'c': 3})
        self.assertEqual(received[-1], {'a': 'x', 'b': 2})

    def test_prints_how_it_goes_and_becomes_running(self):
        self.assertEqual(self.rw.running_status, 'STARTING')
        self.assertIsNone(self.rw.meta()['millisRunning'])
        self.assertRegex(self.run_quietly(),
                         r'^Initializing model\.\.\.\nModel initialized \(\d+\.\d\ds\)\n$')
        self.assertEqual(self.rw.running_status, 'RUNNING')
        self.assertIsInstance(self.rw.meta()['millisRunning'], int)

    def test_a_failure_ends_the_program_with_a_traceback(self):
        @self.rw.setup
        def setup():
            raise ValueError('no weights')

        stderr = self.quiet_stderr()
        with self.assertRaises(SystemExit) as caught:
            self.run_quietly()
        self.assertEqual(caught.exception.code, 1)
        self.assertIn("Error during setup: ValueError('no weights'", stderr.getvalue())
        self.assertIn('in setup', stderr.getvalue())
        self.assertEqual(self.rw.running_status, 'STARTING')

    def test_a_missing_option_ends_the_program(self):
        self.rw.setup(options={'list': array(text)})(lambda options: None)
        stderr = self.quiet_stderr()
        self.assertRaises(SystemExit, self.run_quietly)
        self.assertIn('Missing option: list.', stderr.getvalue())

    def test_a_second_set_up_that_fails_leaves_the_old_model(self):
        @self.rw.setup(options={'a': number(default=1)})
        def setup(options):
            return 10 // options['a']

        self.run_quietly()
        self.assertRaises(SetupError, self.rw.set_up, {'a': 0})
        self.assertEqual((self.rw.model, self.rw.running_status), (10, 'STARTING'))
        self.rw.set_up({'a': 2})
        self.assertEqual((self.rw.model, self.rw.running_status), (5, 'RUNNING'))

    def test_options_come_from_the_environment(self):
        self.environment(RW_MODEL_OPTIONS='{"size": "big"}')
        self.rw.setup(options={'size': category(choices=['small', 'big'])})(lambda o: o['size'])
        self.run_quietly(model_options={'size': 'small'})
        self.assertEqual(self.rw.model, 'big')


class CommandTest(ModelCase):
    def test_needs_inputs_and_outputs(self):
        for arguments in ({}, {'inputs': {'a': text}}, {'outputs': {'a': text}}):
            with self.assertRaises(Exception) as caught:
                self.rw.command('c', **arguments)
            self.assertEqual(str(caught.exception), 'You need to provide at least one input and '
                             'output for the command')

    def test_returns_the_function_and_keeps_the_order(self):
        def handler(model, inputs):
            return 1

        self.rw.setup(options={'z': text, 'a': text})(lambda options: None)
        for name in ('second', 'first'):
            decorated = self.rw.command(name, inputs={'y': text, 'b': number(min=1)},
                                        outputs={'x': text, 'a': text}, description='d')(handler)
            self.assertIs(decorated, handler)
        manifest = self.rw.manifest()
        self.assertEqual([option['name'] for option in manifest['options']], ['z', 'a'])
        self.assertEqual([command['name'] for command in manifest['commands']],
                         ['second', 'first'])
        first = manifest['commands'][0]
        self.assertEqual(first['description'], 'd')
        self.assertEqual([field['name'] for field in first['inputs']], ['y', 'b'])
        self.assertEqual([field['name'] for field in first['outputs']], ['x', 'a'])

    def test_a_second_command_of_the_same_name_replaces_the_first(self):
        for value in ('old', 'new'):
            self.rw.command('c', inputs={'x': any}, outputs={'y': text}, description=value)(
                lambda model, inputs: None)
        self.assertEqual([c['description'] for c in self.rw.manifest()['commands']], ['new'])

    def test_reads_inputs(self):
        self.rw.command('c', inputs={'n': number(default=7), 't': text, 'f': file,
                                     'v': vector(length=2), 'a': any},
                        outputs={'x': any})(lambda model, inputs: None)
        command = self.rw.get_command('c')
        self.assertIsNone(self.rw.meta()['millisSinceLastCommand'])
        self.assertEqual(self.rw.read_inputs(command, {'a': None, 'unknown': 1}),
                         {'n': 7, 't': '', 'f': None, 'v': None, 'a': None})
        self.assertIsInstance(self.rw.meta()['millisSinceLastCommand'], int)
        with self.assertRaises(MissingInputError) as caught:
            self.rw.read_inputs(command, {})
        self.assertEqual(caught.exception.message, 'Missing input: a.')
        self.assertRaises(UnknownCommandError, self.rw.get_command, 'd')


class ResultTest(ModelCase):
    def test_a_bare_value_a_dict_or_a_pair_with_progress(self):
        one = {'y': number}
        for result in (3, {'y': 3}, {'y': 3, 'more': 4}, (3, 0.5), ({'y': 3}, 1)):
            self.assertEqual(self.infer(lambda m, i: result, one), {'y': 3})
        two = {'y': number, 'z': text}
        for result in ({'y': 3, 'z': 4}, ({'y': 3, 'z': 4}, 0.5)):
            self.assertEqual(self.infer(lambda m, i: result, two), {'y': 3, 'z': '4'})

    def test_a_dict_is_a_value_for_an_output_of_any_type(self):
        self.assertEqual(self.infer(lambda m, i: {'a': 1}, {'y': any}), {'y': {'a': 1}})
        self.assertEqual(self.infer(lambda m, i: {'y': 1}, {'y': any}), {'y': 1})

    def test_a_pair_that_is_itself_the_value(self):
        self.assertEqual(self.infer(lambda m, i: (0.25, 0.5), {'y': image_point}),
                         {'y': [0.25, 0.5]})
        self.assertEqual(self.infer(lambda m, i: ('a', 'b'), {'y': array(text)}),
                         {'y': ['a', 'b']})
        self.assertEqual(self.infer(lambda m, i: ([0.25, 0.5], 1), {'y': image_point}),
                         {'y': [0.25, 0.5]})

    def test_a_generator_answers_with_what_it_returned_or_yielded_last(self):
        def yields(model, inputs):
            yield 1, 0.5
            yield 2, 1

        def returns(model, inputs):
            yield 1
            return 3

        self.assertEqual(self.infer(yields, {'y': number}), {'y': 2})
        self.assertEqual(self.infer(returns, {'y': number}), {'y': 3})

    def test_a_missing_or_unfit_output_is_an_inference_error_that_names_it(self):
        cases = [
            (lambda m, i: {'y': 1}, {'y': number, 'z': text}, 'z'),
            (lambda m, i: {'other': 1}, {'y': number}, 'y'),
            (lambda m, i: 5, {'y': number, 'z': text}, 'dict'),
            (lambda m, i: {'v': 'abc'}, {'v': vector(length=1)}, 'v'),
            (lambda m, i: object(), {'y': any}, 'object'),
        ]
        for handler, outputs, name in cases:
            with self.assertRaises(InferenceError) as caught:
                self.infer(handler, outputs)
            self.assertIn(name, caught.exception.message)

    def test_whatever_a_handler_raises_is_an_inference_error(self):
        def handler(model, inputs):
            raise InvalidArgumentError('x', 'says the handler')

        with self.assertRaises(InferenceError) as caught:
            self.infer(handler, {'y': any})
        self.assertEqual(caught.exception.code, 500)
        self.assertIn('InvalidArgumentError', caught.exception.message)
        self.assertIn('says the handler', caught.exception.message)

    @needs('numpy')
    def test_numpy_scalars_become_numbers_also_inside_of_any(self):
        import numpy
        answer = self.infer(lambda m, i: {'y': numpy.float32(0.5), 'z': [numpy.int64(1)]},
                            {'y': number, 'z': any})
        self.assertEqual(answer, {'y': 0.5, 'z': [1]})
        self.assertEqual(self.infer(lambda m, i: (numpy.float32(2), numpy.float32(0.5)),
                                    {'y': number}), {'y': 2})

    def test_a_type_of_the_models_own_needs_no_output_format(self):
        from runway import BaseType

        class shout(BaseType):
            def __init__(self):
                super().__init__('shout')

            def serialize(self, value):
                return value.upper()

        self.assertEqual(self.infer(lambda m, i: 'a', {'y': shout}, {'y': 'PNG'}), {'y': 'A'})


class MetaTest(Case):
    def test_prints_one_line_of_json_and_runs_no_set_up(self):
        code, out, err = run_model('''
            import runway
            @runway.setup
            def setup():
                raise Exception('set-up ran')
            @runway.command('größe', inputs={'a': runway.text}, outputs={'b': runway.text})
            def c(model, inputs):
                pass
            runway.run()
        ''', RW_META='1', PYTHONIOENCODING='ascii')
        self.assertEqual((code, err, out.count('\n')), (0, '', 1))
        manifest = json.loads(out)
        self.assertEqual(list(manifest), ['options', 'commands'])
        self.assertEqual(manifest['commands'][0]['name'], 'größe')

    def test_stands_on_a_line_of_its_own_among_noise(self):
        code, out, err = run_model('''
            import atexit, sys
            print('loading', {"options": 1})
            print('{"options": [], "commands": []} or so')
            import runway
            @runway.command('c', inputs={'a': runway.text}, outputs={'b': runway.text})
            def c(model, inputs):
                pass
            runway.run()
            print('bye')
            atexit.register(print, '{"bye": 1}')
        ''', RW_META='1')
        self.assertEqual((code, err), (0, ''))
        found = None
        for line in reversed(out.splitlines()):
            try:
                value = json.loads(line)
            except ValueError:
                continue
            if isinstance(value, dict) and 'options' in value and 'commands' in value:
                found = value
                break
        self.assertEqual([command['name'] for command in found['commands']], ['c'])

    def test_no_serve_runs_set_up_and_returns(self):
        code, out, err = run_model('''
            import runway
            @runway.setup
            def setup():
                print('set-up ran')
            runway.run()
            print('returned')
        ''', RW_NO_SERVE='1')
        self.assertEqual((code, err), (0, ''))
        self.assertEqual(out.splitlines()[1], 'set-up ran')
        self.assertEqual(out.splitlines()[-1], 'returned')

    def test_a_busy_port_ends_with_a_sentence(self):
        import socket
        with socket.socket() as busy:
            busy.bind(('127.0.0.1', 0))
            busy.listen(1)
            port = busy.getsockname()[1]
            code, _, err = run_model('''
                import runway, runway._server
                runway._server._BIND_SECONDS = 0.2
                runway.run(host='127.0.0.1')
            ''', RW_PORT=str(port))
        self.assertEqual(code, 1)
        self.assertIn('cannot listen on 127.0.0.1:%d' % port, err)


if __name__ == '__main__':
    unittest.main()
