"""Write the wheels that a base image offers to pip.

    python3 build_wheels.py OUTDIR

Model repositories ask for the SDK by every version that was ever released. Each gets a wheel of
that version, and all of them hold today's code. They are full copies rather than aliases, so that
a virtual environment or conda can use them too. The same sources give the same bytes everywhere:
dates and modes are fixed, and nothing is compressed, because zlib's output differs by its version.
"""

import base64
import hashlib
import os
import sys
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = os.path.join(HERE, 'src', 'runway')
DATE = (2019, 1, 1, 0, 0, 0)

# Every public tag of the original.
VERSIONS = (
    ['0.0.%d' % patch for patch in range(57, 78)]
    + ['0.1.0', '0.2.0']
    + ['0.3.%d' % patch for patch in range(3)]
    + ['0.4.%d' % patch for patch in range(4)]
    + ['0.5.%d' % patch for patch in range(10)]
    + ['0.6.0', '0.6.1'])

METADATA = """\
Metadata-Version: 2.1
Name: runway-python
Version: %s
Summary: Serve a model over HTTP and WebSocket from one Python file
License: MIT
Requires-Python: >=3.6
"""

WHEEL = """\
Wheel-Version: 1.0
Generator: modelport
Root-Is-Purelib: true
Tag: py3-none-any
"""


def main():
    if len(sys.argv) != 2:
        sys.exit('Usage: python3 build_wheels.py OUTDIR')
    os.makedirs(sys.argv[1], exist_ok=True)
    for version in VERSIONS:
        write_wheel(sys.argv[1], version)
    print('%d wheels in %s' % (len(VERSIONS), sys.argv[1]))


def write_wheel(directory, version):
    """Write one wheel; its path."""
    info = 'runway_python-%s.dist-info' % version
    files = package_files()
    files.append((info + '/METADATA', (METADATA % version).encode()))
    files.append((info + '/WHEEL', WHEEL.encode()))
    files.append((info + '/top_level.txt', b'runway\n'))
    record = ''.join('%s,sha256=%s,%d\n' % (name, digest(data), len(data)) for name, data in files)
    files.append((info + '/RECORD', (record + info + '/RECORD,,\n').encode()))
    path = os.path.join(directory, 'runway_python-%s-py3-none-any.whl' % version)
    with zipfile.ZipFile(path, 'w') as wheel:
        for name, data in files:
            entry = zipfile.ZipInfo(name, DATE)
            entry.external_attr = 0o100644 << 16
            entry.create_system = 3  # Unix, also where Windows writes it.
            wheel.writestr(entry, data)
    return path


def package_files():
    """The package's files as `(name in the wheel, bytes)`, in a fixed order."""
    files = []
    for name in sorted(os.listdir(SOURCES)):
        if name.endswith('.py') or name == 'py.typed':
            with open(os.path.join(SOURCES, name), 'rb') as file:
                files.append(('runway/' + name, file.read()))
    return files


def digest(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode('ascii')


if __name__ == '__main__':
    main()
