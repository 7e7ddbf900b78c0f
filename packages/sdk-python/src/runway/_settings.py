"""What `run` was asked to do: its arguments, overridden by the environment."""

import collections
import os
import sys

from .utils import load_json

Settings = collections.namedtuple(
    'Settings', ['host', 'port', 'model_options', 'debug', 'meta', 'no_serve'])

_TRUE = ('true', 'yes', 'on')
_FALSE = ('false', 'no', 'off', '')


def read_settings(host, port, model_options, debug, meta, no_serve):
    """The settings to run with; a variable that cannot be understood ends the program."""
    return Settings(
        host=os.environ.get('RW_HOST') or host,
        port=_port(port),
        model_options=_options(model_options),
        debug=_flag('RW_DEBUG', debug),
        meta=_flag('RW_META', meta),
        no_serve=_flag('RW_NO_SERVE', no_serve))


def gpu():
    """Whether the environment says that this is a GPU image."""
    return _flag('GPU', False)


def _port(port):
    value = os.environ.get('RW_PORT') or port
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = -1
    if not 0 <= number <= 65535:
        sys.exit('RW_PORT (or the port given to run) has to be a number from 0 to 65535, not %r.'
                 % (value,))
    return number


def _options(model_options):
    text = os.environ.get('RW_MODEL_OPTIONS')
    if not text:
        return model_options or {}
    try:
        options = load_json(text)
    except ValueError as error:
        sys.exit('RW_MODEL_OPTIONS is not JSON: %s' % error)
    if not isinstance(options, dict):
        sys.exit('RW_MODEL_OPTIONS has to be a JSON object, one key per option.')
    return options


def _flag(name, value):
    text = os.environ.get(name)
    if text is None:
        return bool(value)
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    try:
        return bool(int(word))
    except ValueError:
        sys.exit('%s has to be 1 or 0, not %r.' % (name, text))
