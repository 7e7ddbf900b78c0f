"""The example models of the repository: what they declare and what they answer, run right here.

Where a model needs what this machine has not (numpy, PyTorch, a compiler), it is skipped with the
reason; the end-to-end tests build and drive all of them.
"""

import ast
import base64
import json
import os
import shutil
import struct
import subprocess
import sys
import unittest

from support import ROOT, Case, Served, model_environment, needs

MODELS = os.path.join(os.path.dirname(os.path.dirname(ROOT)), 'test', 'fixtures', 'models')
LIBRARIES = ('numpy', 'PIL', 'torch')


def models():
    if not os.path.isdir(MODELS):
        return []  # The package is tested outside of its repository.
    return sorted(name for name in os.listdir(MODELS)
                  if os.path.exists(os.path.join(MODELS, name, 'runway_model.py')))


def libraries(directory):
    """The libraries that a model imports itself, or needs for its types."""
    found = set()
    for name in os.listdir(directory):
        if name.endswith('.py'):
            with open(os.path.join(directory, name), encoding='utf-8') as file:
                source = file.read()
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.Import):
                    found.update(alias.name.partition('.')[0] for alias in node.names)
                elif isinstance(node, ast.ImportFrom):
                    found.add(node.module.partition('.')[0])
                elif isinstance(node, ast.Name) and node.id in ('image', 'segmentation'):
                    found.update(('PIL', 'numpy'))
                elif isinstance(node, ast.Name) and node.id == 'vector':
                    found.add('numpy')
    return found & set(LIBRARIES)


def load(directory, name):
    with open(os.path.join(directory, name), encoding='utf-8') as file:
        return json.load(file)


class ExampleModelTest(Case):
    def check(self, name):
        # A copy, because one of them compiles a library beside its sources.
        directory = os.path.join(self.temporary_directory(), name)
        shutil.copytree(os.path.join(MODELS, name), directory)
        if os.path.isdir(os.path.join(directory, 'native')):
            if shutil.which('make') is None or shutil.which('cc') is None:
                self.skipTest('needs make and a C compiler, not installed here')
            subprocess.run(['make', '-s', '-C', 'native'], cwd=directory, check=True)
        meta = subprocess.run([sys.executable, 'runway_model.py'], cwd=directory, check=True,
                              env=model_environment(RW_META='1'), stdout=subprocess.PIPE)
        self.assertEqual(json.loads(meta.stdout.decode()),
                         load(directory, 'expected-manifest.json'))
        variables = {}
        if os.path.exists(os.path.join(directory, 'example-options.json')):
            variables['RW_MODEL_OPTIONS'] = json.dumps(load(directory, 'example-options.json'))
        # Without -W error: PyTorch and other libraries warn about themselves.
        with Served(path='runway_model.py', cwd=directory, warnings='default',
                    **variables) as served:
            for call in load(directory, 'example-calls.json'):
                status, answer = served.post('/' + call['command'], call['inputs'])
                self.assertEqual(status, 200, answer)
                if 'outputs' in call:
                    self.assertEqual(answer, call['outputs'])
                else:
                    self.assertEqual(sorted(answer), sorted(call['outputShape']))
                    for output, shape in call['outputShape'].items():
                        self.check_shape(answer[output], shape)

    def check_shape(self, value, shape):
        if 'value' in shape and 'format' not in shape:
            self.assertEqual(value, shape['value'])
        if 'length' in shape:
            self.assertEqual(len(value), shape['length'])
        for item in value if 'item' in shape else []:
            self.check_shape(item, shape['item'])
        if 'min' in shape:
            self.assertGreaterEqual(value, shape['min'])
            self.assertLessEqual(value, shape['max'])
        if 'format' in shape:
            head, data = value.split(',')
            self.assertEqual(head, 'data:image/%s;base64' % shape['format'])
            if shape['format'] == 'png':
                size = struct.unpack('>II', base64.b64decode(data)[16:24])
                self.assertEqual(size, (shape['width'], shape['height']))

    def test_the_broken_models_parse_as_python(self):
        for directory, _, names in os.walk(MODELS + '-broken'):
            for name in names:
                if name.endswith('.py'):
                    with open(os.path.join(directory, name), encoding='utf-8') as file:
                        ast.parse(file.read())


def _add_test(name):
    @needs(*sorted(libraries(os.path.join(MODELS, name))))
    def test(self):
        self.check(name)

    setattr(ExampleModelTest, 'test_' + name.replace('-', '_'), test)


for _name in models():
    _add_test(_name)


if __name__ == '__main__':
    unittest.main()
