"""The wheelhouse: every version, the same bytes each time, and pip installs it."""

import base64
import csv
import hashlib
import io
import os
import shutil
import subprocess
import sys
import unittest
import zipfile

from support import ROOT, Case, needs

sys.path.insert(0, ROOT)
import build_wheels  # noqa: E402 (it stands beside the tests' directory)


class BuildWheelsTest(Case):
    def build(self):
        directory = self.temporary_directory()
        subprocess.run([sys.executable, '-W', 'error', os.path.join(ROOT, 'build_wheels.py'),
                        directory], check=True, stdout=subprocess.DEVNULL)
        return directory

    def test_writes_one_wheel_for_each_of_the_42_versions(self):
        names = os.listdir(self.build())
        self.assertEqual(len(names), 42)
        for version in ('0.0.57', '0.0.77', '0.1.0', '0.2.0', '0.3.2', '0.4.3', '0.5.9', '0.6.1'):
            self.assertIn('runway_python-%s-py3-none-any.whl' % version, names)

    def test_writes_the_same_bytes_again_later(self):
        first, second = self.temporary_directory(), self.temporary_directory()
        before = build_wheels.write_wheel(first, '0.6.1')
        copy = os.path.join(self.temporary_directory(), 'runway')
        shutil.copytree(build_wheels.SOURCES, copy)
        for name in os.listdir(copy):
            os.utime(os.path.join(copy, name), (1, 1))
        self.addCleanup(setattr, build_wheels, 'SOURCES', build_wheels.SOURCES)
        build_wheels.SOURCES = copy
        after = build_wheels.write_wheel(second, '0.6.1')
        with open(before, 'rb') as one, open(after, 'rb') as other:
            self.assertEqual(one.read(), other.read())

    def test_each_wheel_is_whole_and_names_its_version(self):
        directory = self.build()
        for version in build_wheels.VERSIONS:
            path = os.path.join(directory, 'runway_python-%s-py3-none-any.whl' % version)
            with zipfile.ZipFile(path) as wheel:
                info = 'runway_python-%s.dist-info/' % version
                self.assertIn('\nVersion: %s\n' % version,
                              wheel.read(info + 'METADATA').decode())
                rows = list(csv.reader(io.StringIO(wheel.read(info + 'RECORD').decode())))
                self.assertEqual([row[0] for row in rows], wheel.namelist())
                self.assertIn('runway/py.typed', wheel.namelist())
                for name, digest, size in rows[:-1]:
                    data = wheel.read(name)
                    expected = base64.urlsafe_b64encode(hashlib.sha256(data).digest())
                    self.assertEqual(digest, 'sha256=' + expected.decode().rstrip('='))
                    self.assertEqual(int(size), len(data))

    @needs('pip')
    def test_pip_installs_a_pinned_version_without_an_index(self):
        directory, target = self.build(), self.temporary_directory()
        subprocess.run(
            [sys.executable, '-m', 'pip', 'install', '--quiet', '--no-index', '--find-links',
             directory, '--target', target, '--disable-pip-version-check',
             'runway-python==0.0.57'], check=True, stderr=subprocess.DEVNULL,
            # A base image's own configuration would add its own wheels.
            env=dict(os.environ, PIP_CONFIG_FILE=os.devnull))
        code = 'import runway; print(runway.__file__, runway.__version__)'
        answer = subprocess.run([sys.executable, '-c', code], stdout=subprocess.PIPE, check=True,
                                env=dict(os.environ, PYTHONPATH=target))
        self.assertEqual(answer.stdout.decode().split(),
                         [os.path.join(target, 'runway', '__init__.py'), '0.6.1'])


if __name__ == '__main__':
    unittest.main()
