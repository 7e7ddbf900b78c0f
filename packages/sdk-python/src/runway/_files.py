"""Files that a client names by URL: downloaded, and unpacked if they are tar archives.

Everything lands below one temporary directory that is removed when the process ends. The larger
parts of the standard library are imported by the functions that use them: most models never do.
"""

import atexit
import os

# Bounds on what a stranger can make us store. Model weights are large, so these are too.
MAX_BYTES = int(os.environ.get('RW_MAX_DOWNLOAD_SIZE') or 32 << 30)
MAX_MEMBERS = 1000000

TIMEOUT = 60
RESUMES = 4
_CHUNK = 1 << 20

_place = None


class CannotGetFile(Exception):
    """The file could not be fetched or unpacked; the text says why."""


def is_url(value):
    """Whether a value names a file on the web rather than a local one."""
    return value.lower().startswith(('http://', 'https://'))


def download(url):
    """Fetch a URL; the path of the file, or of the directory that it was unpacked into."""
    import shutil
    import tempfile
    handle, path = tempfile.mkstemp(suffix=_suffix(url), dir=_temporary_place())
    try:
        with os.fdopen(handle, 'wb') as target:
            _fetch(url, target)
        if not _is_archive(path):
            return path
        unpacked = tempfile.mkdtemp(dir=_temporary_place())
        try:
            extract(path, unpacked)
        except BaseException:
            shutil.rmtree(unpacked, ignore_errors=True)
            raise
        os.remove(path)
        return unpacked
    except BaseException:
        if os.path.exists(path):
            os.remove(path)
        raise


def extract(archive, target):
    """Unpack a tar archive; refuses whatever would land outside of the target directory."""
    import tarfile
    try:
        with tarfile.open(archive) as tar:
            _extract_members(tar, os.path.realpath(target))
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise CannotGetFile('unable to unpack the archive (%s)' % error) from error
    except Exception as error:
        # zlib, bz2 and lzma each have an error class of their own, and any of them may be missing.
        if type(error).__module__ in ('zlib', '_lzma', 'lzma', 'bz2'):
            raise CannotGetFile('unable to unpack the archive (%s)' % error) from error
        raise


def _extract_members(tar, root):
    import shutil
    links, count, room = [], 0, MAX_BYTES
    for member in tar:
        count += 1
        if count > MAX_MEMBERS:
            raise CannotGetFile('the archive holds more than %d files' % MAX_MEMBERS)
        parts = _safe_parts(member.name)
        path = os.path.join(root, *parts)
        if member.isdir():
            os.makedirs(path, exist_ok=True)
        elif member.isfile():
            room -= member.size
            if room < 0:
                raise CannotGetFile('the archive is larger than %d bytes unpacked' % MAX_BYTES)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            # A second file of the same name takes the first one's place.
            if os.path.lexists(path):
                os.remove(path)
            with tar.extractfile(member) as source, open(path, 'wb') as file:
                shutil.copyfileobj(source, file, _CHUNK)
            # Only the right to execute is kept; what we unpack stays readable and writable for us.
            os.chmod(path, 0o755 if member.mode & 0o100 else 0o644)
        elif member.issym() or member.islnk():
            links.append((member, path))
        else:
            raise CannotGetFile('the archive holds a special file, "%s"' % member.name)
    # Links come last, so that nothing is ever written through one of them.
    for member, path in links:
        _extract_link(member, path, root)
    for member, path in links:
        if not _is_below(os.path.realpath(path), root):
            raise CannotGetFile('the archive holds a link out of itself, "%s"' % member.name)


def _extract_link(member, path, root):
    import shutil
    parent = os.path.dirname(path)
    if member.islnk():
        source = os.path.join(root, *_safe_parts(member.linkname))
    else:
        if member.linkname.startswith('/'):
            raise CannotGetFile('the archive holds a link out of itself, "%s"' % member.name)
        source = os.path.normpath(os.path.join(parent, *[
            part if part in ('', '.', '..') else _ascii(part)
            for part in member.linkname.split('/')]))
    if not _is_below(source, root) or os.path.lexists(path):
        raise CannotGetFile('the archive holds a link out of itself, "%s"' % member.name)
    os.makedirs(parent, exist_ok=True)
    # An earlier link may stand where this one's directory would be.
    if not _is_below(os.path.realpath(parent), root):
        raise CannotGetFile('the archive holds a link out of itself, "%s"' % member.name)
    if member.islnk():
        if not os.path.isfile(source) or not _is_below(os.path.realpath(source), root):
            raise CannotGetFile('the archive links to a file that it does not hold')
        shutil.copyfile(source, path)
    else:
        os.symlink(os.path.relpath(source, os.path.realpath(parent)), path)


def _safe_parts(name):
    parts = [part for part in name.split('/') if part not in ('', '.')]
    if name.startswith('/') or '..' in parts or '\0' in name:
        raise CannotGetFile('the archive holds a path out of itself, "%s"' % name)
    return [_ascii(part) for part in parts]


def _ascii(name):
    """The name in ASCII: accents dropped, and letters without a base letter as their number."""
    if all(character < '\x80' for character in name):
        return name
    import unicodedata
    plain = ''
    for character in unicodedata.normalize('NFKD', name):
        if character < '\x80':
            plain += character
        elif not unicodedata.combining(character):
            plain += 'u%x' % ord(character)
    # Compatibility forms can turn into separators (a fullwidth solidus is one), which must not
    # make a path out of a name.
    plain = plain.replace('/', '_')
    return '_' if plain in ('', '.', '..') else plain


def _is_below(path, root):
    return path == root or path.startswith(root + os.sep)


def _is_archive(path):
    import tarfile
    try:
        with tarfile.open(path) as tar:
            # A file of zeros reads as an archive of nothing.
            return tar.next() is not None
    except (tarfile.TarError, OSError, EOFError, ValueError):
        return False
    except Exception as error:
        if type(error).__module__ in ('zlib', '_lzma', 'lzma', 'bz2'):
            return False
        raise


def _suffix(url):
    from urllib.parse import unquote, urlsplit
    try:
        last = unquote(urlsplit(url).path.rsplit('/', 1)[-1])
    except ValueError as error:
        raise CannotGetFile('the URL cannot be read (%s)' % error) from error
    _, dot, suffix = last.partition('.')
    suffix = ''.join(c for c in suffix if c.isalnum() and c < '\x80' or c in '.-_')
    return dot + suffix[-64:] if dot else ''


def _fetch(url, target):
    """Stream a URL into a file, going on where a broken connection left off."""
    received, tag = 0, None
    for _ in range(RESUMES + 1):
        headers = {'User-Agent': 'runway-python', 'Accept-Encoding': 'identity'}
        if tag is not None:
            headers['Range'] = 'bytes=%d-' % received
            headers['If-Range'] = tag
        with _open_url(url, headers) as response:
            # Anything but 206 is the whole file: the server cannot resume, or the file changed.
            if response.status != 206:
                target.seek(0)
                target.truncate()
                received = 0
            tag = _strong_tag(response.headers)
            length = response.headers.get('Content-Length')
            start = received
            received, complete = _copy(response, target, received)
        if complete and (length is None or received - start >= int(length)):
            return
    raise CannotGetFile('the download broke off %d times' % (RESUMES + 1))


def _copy(response, target, received):
    """Append what arrives; how much there is now, and whether it ended in good order."""
    import http.client
    while True:
        try:
            chunk = response.read(_CHUNK)
        except (OSError, http.client.HTTPException):
            return received, False
        if not chunk:
            return received, True
        received += len(chunk)
        if received > MAX_BYTES:
            raise CannotGetFile('the file is larger than %d bytes' % MAX_BYTES)
        target.write(chunk)


def _strong_tag(headers):
    tag = headers.get('ETag')
    return None if tag is None or tag.startswith('W/') else tag


def _open_url(url, headers):
    import http.client
    import urllib.error
    import urllib.request
    try:
        request = urllib.request.Request(url, headers=headers)
        return _opener(urllib.request).open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        status = error.code
        error.close()
        raise CannotGetFile('the server answered %d to the download' % status) from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise CannotGetFile('unable to download the file (%s)' % error) from error


def _opener(request):
    # urllib's usual opener would follow a redirect to ftp://.
    opener = request.OpenerDirector()
    for handler in (request.ProxyHandler, request.UnknownHandler, request.HTTPHandler,
                    request.HTTPSHandler, request.HTTPDefaultErrorHandler,
                    request.HTTPRedirectHandler, request.HTTPErrorProcessor):
        opener.add_handler(handler())
    return opener


def _temporary_place():
    global _place
    if _place is None:
        import tempfile
        _place = tempfile.mkdtemp(prefix='runway-')
        atexit.register(_remove_place, _place, os.getpid())
    return _place


def _remove_place(place, owner):
    # A forked child inherits this call, and its parent still needs the files.
    if os.getpid() == owner:
        import shutil
        shutil.rmtree(place, ignore_errors=True)
