"""Serve a model over HTTP and WebSocket from one Python file.

A complete model::

    import runway
    from runway.data_types import category, text

    @runway.setup(options={'greeting': category(choices=['Hello', 'Goodbye'])})
    def setup(options):
        return options['greeting']

    @runway.command('greet', inputs={'name': text}, outputs={'sentence': text})
    def greet(greeting, inputs):
        return '%s, %s!' % (greeting, inputs['name'])

    if __name__ == '__main__':
        runway.run()

`setup` names the function that loads the model; what it returns is handed to every command as
its first argument. `command` declares a function that clients can call, with the types of its
inputs and outputs. `run` loads the model and serves it, by default on port 9000; with
`RW_META=1` in the environment it prints the model's manifest instead.

Importing this package starts nothing and needs nothing but the standard library. numpy and
Pillow are imported when a type that works with them (a vector, an image) is first used.
"""

from . import data_types, exceptions, model, utils
from .__version__ import __version__
from .data_types import (
    BaseType, any, array, boolean, category, directory, file, image, image_bounding_box,
    image_landmarks, image_point, number, segmentation, text, vector)
from .model import RunwayModel

__defaultmodel__ = RunwayModel()
setup = __defaultmodel__.setup
command = __defaultmodel__.command
run = __defaultmodel__.run

__all__ = [
    'setup', 'command', 'run', 'RunwayModel', '__version__', '__defaultmodel__',
    'model', 'data_types', 'exceptions', 'utils',
    'BaseType', 'any', 'array', 'boolean', 'category', 'directory', 'file', 'image',
    'image_bounding_box', 'image_landmarks', 'image_point', 'number', 'segmentation', 'text',
    'vector',
]
