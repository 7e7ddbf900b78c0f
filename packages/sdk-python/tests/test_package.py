"""The package as a whole: what it may be written with, and what importing it costs."""

import ast
import os
import re
import shutil
import subprocess
import sys
import unittest

from support import ROOT, SRC, Case, model_environment, needs, run_model

PACKAGE = os.path.join(SRC, 'runway')

# Standard library that Python 3.6 does not have. Grammar is checked by `ast`; modules and names
# have to be listed.
LATER_MODULES = {'contextvars', 'dataclasses', 'graphlib', 'tomllib', 'zoneinfo',
                 'importlib.metadata', 'importlib.resources'}
LATER_NAMES = {
    'SimpleQueue', 'nullcontext', 'asynccontextmanager', 'AsyncExitStack', 'cached_property',
    'singledispatchmethod', 'ThreadingHTTPServer', 'ExceptionGroup', 'BaseExceptionGroup',
    'get_running_loop', 'to_thread', 'TaskGroup', 'create_server', 'has_dualstack_ipv6',
    'perf_counter_ns', 'time_ns', 'monotonic_ns', 'breakpoint', 'pairwise', 'batched', 'prod',
    'isqrt', 'dist', 'comb', 'perm', 'removeprefix', 'removesuffix', 'fromisoformat', 'lcm',
    'get_native_id', 'excepthook', 'unraisablehook', 'register_at_fork', 'randbytes', 'orig_argv',
    'capture_output', 'is_relative_to', 'with_stem', 'readlink', 'hardlink_to', 'link_to',
    'stdlib_module_names', 'file_digest', 'data_filter', 'print_exception_only', 'aclosing',
    'getencoding', 'process_cpu_count', 'isascii', 'cache',
    'add_note', 'aiter', 'anext', 'raise_signal', 'pidfd_open', 'waitstatus_to_exitcode',
    'shutdown_default_executor', 'memfd_create', 'posix_spawn', 'dirs_exist_ok', 'missing_ok',
    'warn_on_full_buffer', 'extraction_filter'}
LATER_KEYWORDS = {('run', 'text'), ('Popen', 'text'), ('run', 'capture_output'),
                  ('copytree', 'dirs_exist_ok'), ('unlink', 'missing_ok'), ('extract', 'filter'),
                  ('extractall', 'filter'), ('set_wakeup_fd', 'warn_on_full_buffer'),
                  ('mkdtemp', 'delete'), ('shutdown', 'cancel_futures'), ('dict', 'strict'),
                  ('zip', 'strict'), ('b64encode', 'newline'), ('rmtree', 'onexc')}


def sources():
    for name in sorted(os.listdir(PACKAGE)):
        if name.endswith('.py'):
            with open(os.path.join(PACKAGE, name), encoding='utf-8') as file:
                yield name, file.read()


class OldPythonTest(Case):
    def test_grammar_is_that_of_python_3_6(self):
        for name, source in sources():
            if sys.version_info >= (3, 8):
                ast.parse(source, name, feature_version=(3, 6))
            else:
                ast.parse(source, name)

    def test_uses_nothing_that_came_to_the_library_later(self):
        for name, source in sources():
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.Import):
                    modules = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom):
                    modules = [node.module or '']
                    for alias in node.names:
                        self.assertNotIn(alias.name, LATER_NAMES, name)
                else:
                    modules = []
                for module in modules:
                    self.assertNotIn(module, LATER_MODULES, name)
                if isinstance(node, ast.Attribute):
                    self.assertNotIn(node.attr, LATER_NAMES, name)
                if isinstance(node, ast.Name):
                    self.assertNotIn(node.id, LATER_NAMES, name)
                if isinstance(node, ast.Call):
                    called = getattr(node.func, 'attr', getattr(node.func, 'id', None))
                    for keyword in node.keywords:
                        self.assertNotIn((called, keyword.arg), LATER_KEYWORDS, name)

    def test_lines_have_at_most_100_columns(self):
        for name, source in sources():
            for line in source.splitlines():
                self.assertLessEqual(len(line), 100, name + ': ' + line)


class ImportTest(Case):
    def test_imports_the_standard_library_only_and_not_much_of_it(self):
        code, out, err = run_model('''
            import sys
            before = set(sys.modules)
            import runway
            print(sorted({name.partition('.')[0] for name in set(sys.modules) - before}))
        ''', python_options=('-W', 'error', '-S'))
        self.assertEqual((code, err), (0, ''))
        loaded = set(ast.literal_eval(out))
        for heavy in ('numpy', 'PIL', 'flask', 'gevent', 'http', 'email', 'tarfile', 'inspect',
                      'logging', 'asyncio', 'ssl', 'subprocess', 'multiprocessing'):
            self.assertNotIn(heavy, loaded)
        if hasattr(sys, 'stdlib_module_names'):
            self.assertEqual({name for name in loaded if name not in sys.stdlib_module_names},
                             {'runway'})

    def test_takes_less_than_60_ms(self):
        # A copy, because this one may be read-only and without its compiled files. The processor's
        # time, because other programs have no part in it.
        place = self.temporary_directory()
        shutil.copytree(PACKAGE, os.path.join(place, 'runway'))
        code = ('import time; started = time.process_time(); import runway; '
                'print(time.process_time() - started)')

        def once():
            environment = dict(model_environment(), PYTHONPATH=place)
            del environment['PYTHONDONTWRITEBYTECODE']
            return float(subprocess.check_output([sys.executable, '-c', code], env=environment))

        self.assertLess(min(once() for _ in range(6)), 0.06)

    def test_a_text_model_runs_where_numpy_and_pillow_are_missing(self):
        code, out, err = run_model('''
            import sys
            sys.modules['numpy'] = sys.modules['PIL'] = None  # Importing these fails now.
            import runway
            from runway.data_types import any, image, segmentation, text, vector

            @runway.command('c', inputs={'t': text, 'v': vector(length=2), 'a': any},
                            outputs={'t': text, 'v': vector(length=2)})
            def c(model, inputs):
                return {'t': inputs['t'], 'v': [1, 2]}

            @runway.command('d', inputs={'i': image, 's': segmentation({'a': 0})},
                            outputs={'t': text})
            def d(model, inputs):
                pass

            runway.run(no_serve=True)
            client = runway.__defaultmodel__.app.test_client()
            answer = client.post('/c', json={'t': 'x', 'a': None})
            assert answer.json == {'t': 'x', 'v': [1, 2]}, answer.data
            assert client.get('/meta').status_code == 200
        ''')
        self.assertEqual((code, err), (0, ''), out)

    def test_importing_starts_nothing(self):
        code, out, err = run_model('''
            import threading
            import runway, runway.model, runway.data_types, runway.exceptions, runway.utils
            import runway.__version__
            assert threading.active_count() == 1
            assert isinstance(runway.__version__, str)
            assert isinstance(runway.__defaultmodel__, runway.RunwayModel)
            from runway import any, file, image, setup, command, run
        ''')
        self.assertEqual((code, out, err), (0, '', ''))

    def test_the_packages_docstring_opens_with_a_model_that_runs(self):
        import runway
        block = runway.__doc__.partition('::\n\n')[2].partition('\n`setup`')[0]
        source = '\n'.join(line[4:] for line in block.splitlines())
        code, out, err = run_model(source, RW_META='1')
        self.assertEqual((code, err), (0, ''))
        self.assertIn('"name": "greet"', out)

    def test_public_names_are_documented(self):
        import runway
        for name in runway.__all__:
            if not name.startswith('__'):
                self.assertTrue(getattr(runway, name).__doc__, name)
        for name in runway.exceptions.__all__:
            self.assertTrue(getattr(runway.exceptions, name).__doc__, name)

    def test_says_that_it_is_typed_and_has_one_version(self):
        self.assertTrue(os.path.exists(os.path.join(PACKAGE, 'py.typed')))
        import runway
        with open(os.path.join(ROOT, 'pyproject.toml'), encoding='utf-8') as file:
            version, = re.findall('^version = "(.*)"$', file.read(), re.MULTILINE)
        self.assertEqual(runway.__version__, version)


class TypesTest(Case):
    @needs('mypy')
    def test_the_types_hold(self):
        result = subprocess.run(
            [sys.executable, '-m', 'mypy', '--ignore-missing-imports', '--check-untyped-defs',
             '--cache-dir', self.temporary_directory(), PACKAGE],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(result.returncode, 0, result.stdout.decode())


class ForkTest(Case):
    @unittest.skipUnless(hasattr(os, 'fork'), 'needs fork')
    def test_run_is_the_target_of_a_forked_process(self):
        source = '''
            import multiprocessing, socket, sys, time, warnings
            import runway

            @runway.command('c', inputs={'a': runway.text}, outputs={'b': runway.text})
            def c(model, inputs):
                return inputs['a']

            process = multiprocessing.get_context('fork').Process(
                target=runway.run, kwargs={'host': '127.0.0.1'})
            process.start()
            port = int(__import__('os').environ['RW_PORT'])
            started = time.monotonic()
            while True:
                try:
                    socket.create_connection(('127.0.0.1', port)).close()
                    break
                except OSError:
                    time.sleep(0.01)
            assert time.monotonic() - started < 0.5, time.monotonic() - started
            process.terminate()
            process.join(5)
            assert process.exitcode == 0, process.exitcode
            with socket.socket() as again:
                again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                again.bind(('127.0.0.1', port))
        '''
        from support import free_port
        code, out, err = run_model(source, RW_PORT=str(free_port()))
        self.assertEqual((code, err), (0, ''), out)

    @unittest.skipUnless(hasattr(os, 'fork'), 'needs fork')
    def test_ending_a_worker_that_a_handler_forked_leaves_the_server_alone(self):
        from support import Served
        with Served('''
            import os, signal, time
            import runway

            @runway.command('fork', inputs={'a': runway.text}, outputs={'status': runway.number})
            def fork(model, inputs):
                worker = os.fork()
                if worker == 0:
                    time.sleep(60)
                    os._exit(0)
                time.sleep(0.2)  # CPython forgets signals that come while it forks.
                os.kill(worker, signal.SIGTERM)
                return os.waitpid(worker, 0)[1]

            import warnings
            warnings.simplefilter('ignore')  # Python 3.12 warns of forking beside threads.
            runway.run()
        ''') as served:
            self.assertEqual(served.post('/fork', {}), (200, {'status': 15}))
            self.assertEqual(served.get('/healthcheck')[0], 200)


class DebugTest(Case):
    def test_restarts_when_a_source_file_changes_and_compiles(self):
        from support import Served, eventually
        place = self.temporary_directory()
        path = os.path.join(place, 'model.py')

        def write(answer):
            with open(path, 'w') as file:
                file.write('import runway\n'
                           '@runway.command("c", inputs={"a": runway.text},'
                           ' outputs={"b": runway.text})\n'
                           'def c(model, inputs):\n    return %s\n'
                           'runway.run()\n' % answer)

        write('"old"')
        with Served(path=path, RW_DEBUG='1') as served:
            self.assertEqual(served.post('/c', {})[1], {'b': 'old'})
            import time
            time.sleep(0.7)
            write('broken(')
            self.assertTrue(eventually(lambda: 'Not restarting' in served.stderr(), 5))
            self.assertEqual(served.post('/c', {})[1], {'b': 'old'})
            write('"new"')
            served.wait_for('Restarting, because')

            def answer():
                try:
                    return served.post('/c', {})[1]
                except OSError:
                    return None

            self.assertTrue(eventually(lambda: answer() == {'b': 'new'}, 5))


class InstallTest(Case):
    def test_the_commands_in_the_readme_name_files_that_exist(self):
        with open(os.path.join(ROOT, 'README.md'), encoding='utf-8') as file:
            for name in re.findall(r'python3 (\w+\.py)', file.read()):
                self.assertTrue(os.path.exists(os.path.join(ROOT, name)), name)

    def test_runs_as_a_module_of_a_package(self):
        place = self.temporary_directory()
        os.mkdir(os.path.join(place, 'pack'))
        with open(os.path.join(place, 'pack', '__main__.py'), 'w') as file:
            file.write('import runway\nrunway.run()\n')
        result = subprocess.run([sys.executable, '-m', 'pack'], cwd=place, check=True,
                                env=model_environment(RW_META='1'), stdout=subprocess.PIPE)
        self.assertEqual(result.stdout, b'{"options": [], "commands": []}\n')


if __name__ == '__main__':
    unittest.main()
