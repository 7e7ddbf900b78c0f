"""Files by URL: downloads, and archives that try to leave their directory."""

import bz2
import gzip
import io
import lzma
import os
import tarfile
import threading
import unittest
from http.server import BaseHTTPRequestHandler, HTTPServer

from support import Case
from runway import _files
from runway.data_types import directory, file
from runway.exceptions import InvalidArgumentError


class Web(HTTPServer):
    """Serves bytes by path; can break off, refuse ranges and redirect."""

    def __init__(self):
        super().__init__(('127.0.0.1', 0), Page)
        self.pages = {}
        self.requests = []
        self.break_after = None
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def url(self, path):
        # A bare host name: the original wanted a dot in it.
        return 'http://localhost:%d/%s' % (self.server_port, path)

    def close(self):
        self.shutdown()
        self.thread.join()
        self.server_close()


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        web = self.server
        web.requests.append((self.path, self.headers.get('Range')))
        page = web.pages.get(self.path.partition('?')[0].lstrip('/'))
        if page is None:
            self.send_error(404)
            return
        if isinstance(page, str):
            self.send_response(302)
            self.send_header('Location', page)
            self.send_header('Content-Length', '0')
            self.end_headers()
            return
        start = 0
        if self.headers.get('Range') and self.headers.get('If-Range') == '"tag"':
            start = int(self.headers['Range'][len('bytes='):-1])
            self.send_response(206)
        else:
            self.send_response(200)
        rest = page[start:]
        self.send_header('Content-Length', str(len(rest)))
        self.send_header('ETag', '"tag"')
        self.end_headers()
        if web.break_after is not None:
            rest, web.break_after = rest[:web.break_after], None
        self.wfile.write(rest)

    def log_message(self, *arguments):
        pass


def archive(*members, **options):
    """A tar of `(name, bytes)` files and ready TarInfos, in any compression."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=options.get('mode', 'w')) as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                tar.addfile(info, io.BytesIO(member[1]))
    return buffer.getvalue()


def special(name, kind, link=''):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


class DownloadTest(Case):
    def setUp(self):
        super().setUp()
        self.web = Web()
        self.addCleanup(self.web.close)
        self.environment(http_proxy=None, no_proxy='*')

    def read(self, path):
        with open(path, 'rb') as opened:
            return opened.read()

    def test_keeps_the_suffix_after_the_first_dot_and_the_bytes(self):
        for path, suffix in (('a/weights.v2.ckpt.bin?token=a.b', '.v2.ckpt.bin'), ('plain', ''),
                             ('x.p%2Fk%6C', '.pkl')):
            self.web.pages[path.partition('?')[0]] = b'weights'
            got = file(extension='.not-checked').deserialize(self.web.url(path))
            self.assertTrue(got.endswith(suffix) and os.path.isfile(got), got)
            self.assertEqual('.' in os.path.basename(got), bool(suffix))
            self.assertEqual(self.read(got), b'weights')

    def test_unpacks_a_tar_of_any_compression_even_if_a_file_was_asked_for(self):
        for number, mode in enumerate(('w', 'w:gz', 'w:bz2', 'w:xz')):
            self.web.pages['m%d' % number] = archive(('top/a.txt', b'A'), mode=mode)
            for field in (file(), directory()):
                got = field.deserialize(self.web.url('m%d' % number))
                self.assertEqual(self.read(os.path.join(got, 'top', 'a.txt')), b'A')

    def test_leaves_what_only_looks_like_an_archive(self):
        for number, data in enumerate((b'\0' * 4096, b'', gzip.compress(b'x'), bz2.compress(b'x'),
                                       lzma.compress(b'x'), b'\x1f\x8b broken')):
            self.web.pages['f%d' % number] = data
            got = file().deserialize(self.web.url('f%d' % number))
            self.assertEqual(self.read(got), data)

    def test_follows_a_redirect_but_not_out_of_the_web(self):
        self.web.pages.update(here='/there', there=b'found', away='ftp://localhost/x',
                              local='file:///etc/passwd')
        self.assertEqual(self.read(file().deserialize(self.web.url('here'))), b'found')
        for path in ('away', 'local'):
            self.assertRaises(InvalidArgumentError, file().deserialize, self.web.url(path))

    def test_an_error_of_the_server_is_an_invalid_argument(self):
        with self.assertRaises(InvalidArgumentError) as caught:
            file().deserialize(self.web.url('missing'))
        self.assertIn('404', caught.exception.message)
        for url in ('http://localhost:1/x', 'http://', 'http://[', 'http://a b/', 'http://x:y/'):
            self.assertRaises(InvalidArgumentError, file().deserialize, url)

    def test_goes_on_where_a_connection_broke_off(self):
        self.web.pages['large'] = os.urandom(3000)
        self.web.break_after = 1000
        got = file().deserialize(self.web.url('large'))
        self.assertEqual(self.read(got), self.web.pages['large'])
        self.assertEqual([wanted for _, wanted in self.web.requests], [None, 'bytes=1000-'])

    def test_stops_at_a_limit_and_leaves_nothing_behind(self):
        place = _files._temporary_place()
        before = set(os.listdir(place))
        self.addCleanup(setattr, _files, 'MAX_BYTES', _files.MAX_BYTES)
        _files.MAX_BYTES = 1 << 20
        self.web.pages['big'] = b'x' * (2 << 20)
        self.web.pages['bomb'] = archive(('a', b'\0' * (2 << 20)), mode='w:gz')
        for path in ('big', 'bomb'):
            self.assertRaises(InvalidArgumentError, file().deserialize, self.web.url(path))
        self.assertEqual(set(os.listdir(place)), before)


class ExtractTest(Case):
    def extract(self, *members):
        place = self.temporary_directory()
        path, target = os.path.join(place, 'a.tar'), os.path.join(place, 'out')
        with open(path, 'wb') as opened:
            opened.write(archive(*members))
        os.mkdir(target)
        _files.extract(path, target)
        return target

    def test_refuses_what_would_land_outside(self):
        symlink, hardlink = tarfile.SYMTYPE, tarfile.LNKTYPE
        cases = [
            [('/etc/evil', b'')],
            [('../evil', b'')],
            [('a/../../evil', b'')],
            [('a/..', b'')],
            [special('a', symlink, '/etc/passwd')],
            [special('a', symlink, '..')],
            [special('a/b', symlink, '../../x')],
            [special('a', symlink, 'b/../../../x')],
            [special('a', hardlink, '/etc/passwd')],
            [special('a', hardlink, '../a.tar')],
            [special('a', symlink, 'b'), special('b', symlink, '..')],
            [special('d', tarfile.DIRTYPE), special('x', symlink, 'd'),
             special('x/y', symlink, '../..')],
            [special('a', tarfile.CHRTYPE)],
            [special('a', tarfile.FIFOTYPE)],
        ]
        for number, members in enumerate(cases):
            with self.subTest(case=number):
                self.assertRaises(_files.CannotGetFile, self.extract, *members)

    def test_writes_nothing_through_a_link(self):
        outside = self.temporary_directory()
        for members in ([special('a', tarfile.SYMTYPE, outside), ('a/evil', b'x')],
                        [special('a', tarfile.SYMTYPE, 'b'), ('a/evil', b'x')]):
            self.assertRaises(_files.CannotGetFile, self.extract, *members)
        self.assertEqual(os.listdir(outside), [])

    def test_a_link_below_a_link_still_points_inside(self):
        target = self.extract(special('a', tarfile.SYMTYPE, '.'),
                              special('a/b', tarfile.SYMTYPE, '..'))
        for name in ('a', 'b'):
            self.assertEqual(os.path.realpath(os.path.join(target, name)),
                             os.path.realpath(target))

    def test_keeps_links_that_stay_inside(self):
        target = self.extract(
            ('d/a.txt', b'A'), special('d/link', tarfile.SYMTYPE, 'a.txt'),
            special('up', tarfile.SYMTYPE, 'd/../d/a.txt'), special('hard', tarfile.LNKTYPE,
                                                                    'd/a.txt'))
        for name in ('d/link', 'up', 'hard'):
            with open(os.path.join(target, name), 'rb') as opened:
                self.assertEqual(opened.read(), b'A')

    def test_writes_names_in_ascii(self):
        target = self.extract(('größe/é.txt', b'1'), ('日.txt', b'2'), ('本.txt', b'3'),
                              ('a／b', b'4'))
        self.assertEqual(sorted(os.listdir(target)), ['a_b', 'große'.replace('ß', 'udf'),
                                                      'u65e5.txt', 'u672c.txt'])

    def test_keeps_the_right_to_execute_and_nothing_else_of_the_mode(self):
        tool, locked = tarfile.TarInfo('tool'), tarfile.TarInfo('locked')
        tool.mode, locked.mode = 0o4755, 0
        target = self.extract(tool, locked)
        self.assertEqual(os.stat(os.path.join(target, 'tool')).st_mode & 0o7777, 0o755)
        self.assertEqual(os.stat(os.path.join(target, 'locked')).st_mode & 0o7777, 0o644)

    def test_refuses_a_broken_archive(self):
        place = self.temporary_directory()
        path = os.path.join(place, 'a.tar.gz')
        whole = archive(('a', os.urandom(100000)), mode='w:gz')
        with open(path, 'wb') as opened:
            opened.write(whole[:-5000])
        self.assertRaises(_files.CannotGetFile, _files.extract, path, place)


if __name__ == '__main__':
    unittest.main()
