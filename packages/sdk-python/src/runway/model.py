"""The model: what a program declared with the decorators, and how it is run."""

import sys
import time
import types
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple, Type

from . import _settings
from .__version__ import __version__
from ._turns import Turns
from .data_types import AnyType, BaseType, named, serialize, takes_output_format
from .exceptions import (
    InferenceError, InvalidArgumentError, MissingInputError, MissingOptionError, RunwayError,
    SetupError, UnknownCommandError)
from .utils import dump_json

STARTING = 'STARTING'
RUNNING = 'RUNNING'

Handler = Callable[..., Any]
# The image format that a client chose, by the name of an output.
Formats = Mapping[str, str]
# A command's outputs by name, serialized, and how far it says that it is.
Answer = Tuple[Dict[str, Any], Optional[float]]


class Command(object):
    """A function that clients can call, with the types of what goes in and comes out."""

    def __init__(self, name: str, handler: Handler, inputs: List[BaseType],
                 outputs: List[BaseType], description: Optional[str]) -> None:
        self.name = name
        self.handler = handler
        self.inputs = inputs
        self.outputs = outputs
        self.description = description

    def to_dict(self) -> Dict[str, Any]:
        """The command's entry in the manifest."""
        return {
            'name': self.name,
            'description': self.description,
            'inputs': [field.to_dict() for field in self.inputs],
            'outputs': [field.to_dict() for field in self.outputs],
        }


class RunwayModel(object):
    """A model with its set-up and commands. `runway` itself holds one and offers its methods."""

    def __init__(self) -> None:
        self.options: List[BaseType] = []
        self.commands: Dict[str, Command] = {}
        self.model: Any = None
        self.running_status = STARTING
        self._setup_function: Optional[Handler] = None
        self._started: Optional[float] = None
        self._last_command: Optional[float] = None
        self._turns = Turns()
        self._server: Any = None
        self._app: Any = None

    @property
    def app(self) -> Any:
        """The HTTP application, for tests: `config`, `route` and `test_client`."""
        if self._app is None:
            from ._app import App
            self._app = App(self)
        return self._app

    def setup(self, decorated_fn: Optional[Handler] = None,
              options: Optional[Mapping[str, AnyType]] = None) -> Any:
        """Declare the function that loads the model, bare or with `options={name: type}`."""
        def remember(function: Handler) -> Handler:
            self.options = _fields(options or {})
            self._setup_function = function
            return function

        return remember if decorated_fn is None else remember(decorated_fn)

    def command(self, name: str, inputs: Mapping[str, AnyType] = {},
                outputs: Mapping[str, AnyType] = {},
                description: Optional[str] = None) -> Callable[[Handler], Handler]:
        """Declare a command: `function(model, inputs)` returns its outputs by name.

        With exactly one output it may return the bare value. A generator sends each value that it
        yields to clients that wait for progress; `(value, progress)` stands for a value anywhere.
        """
        if not inputs or not outputs:
            raise Exception('You need to provide at least one input and output for the command')

        def remember(function: Handler) -> Handler:
            self.commands[name] = Command(
                name, function, _fields(inputs), _fields(outputs), description)
            return function

        return remember

    def run(self, host: str = '0.0.0.0', port: int = 9000, model_options: Dict[str, Any] = {},
            debug: bool = False, meta: bool = False, no_serve: bool = False) -> None:
        """Set the model up and serve it; the environment's `RW_...` variables go first."""
        settings = _settings.read_settings(host, port, model_options, debug, meta, no_serve)
        if settings.meta:
            self._print_manifest()
        elif settings.no_serve:
            self._initialize(settings.model_options)
        else:
            self._serve(settings)

    def manifest(self) -> Dict[str, Any]:
        """The options and commands that the model declares."""
        return {
            'options': [field.to_dict() for field in self.options],
            'commands': [command.to_dict() for command in self.commands.values()],
        }

    def meta(self) -> Dict[str, Any]:
        """The manifest, and how the process is doing."""
        manifest = self.manifest()
        manifest['modelSDKVersion'] = __version__
        manifest['millisRunning'] = _millis_since(self._started)
        manifest['millisSinceLastCommand'] = _millis_since(self._last_command)
        manifest['GPU'] = _settings.gpu()
        return manifest

    def get_command(self, name: str) -> Command:
        """The command of this name, or `UnknownCommandError`."""
        try:
            return self.commands[name]
        except (KeyError, TypeError):
            raise UnknownCommandError(name) from None

    def set_up(self, options: Mapping[str, Any]) -> None:
        """Run set-up with options as a client sent them; a failure leaves the old model."""
        values = _deserialize(self.options, options, MissingOptionError)
        self._turns.run(lambda: self._call_setup(values))

    def read_inputs(self, command: Command, inputs: Mapping[str, Any]) -> Dict[str, Any]:
        """The handler's arguments from what a client sent."""
        values = _deserialize(command.inputs, inputs, MissingInputError)
        self._last_command = time.monotonic()
        return values

    def infer(self, command: Command, values: Dict[str, Any], formats: Formats) -> bytes:
        """Call a command when its turn comes; its answer as JSON bytes."""
        answer: bytes = self._turns.run(lambda: self._last_answer(command, values, formats))
        return answer

    def post(self, call: Callable[[], None]) -> None:
        """Have a call made when the model is free."""
        self._turns.post(call)

    def withdraw(self, call: Callable[[], None]) -> bool:
        """Drop a posted call; False if it was made already or is being made."""
        return self._turns.withdraw(call)

    def answers(self, command: Command, values: Dict[str, Any],
                formats: Formats) -> Iterator[Answer]:
        """Call a command now and go through its answers: `(outputs, progress)`, at least one.

        Only for the thread whose turn it is. The outputs are serialized and can be kept.
        """
        try:
            result = command.handler(self.model, values)
            if not isinstance(result, types.GeneratorType):
                yield _outputs(command, result, formats)
                return
            try:
                while True:
                    try:
                        value = next(result)
                    except StopIteration as stop:
                        if stop.value is not None:
                            yield _outputs(command, stop.value, formats)
                        return
                    yield _outputs(command, value, formats)
            finally:
                result.close()
        except Exception as error:
            # The repr names the class, which is often all that an exception says.
            raise InferenceError(repr(error)) from error

    def _last_answer(self, command: Command, values: Dict[str, Any],
                     formats: Formats) -> bytes:
        try:
            result = command.handler(self.model, values)
            if isinstance(result, types.GeneratorType):
                result = _run_to_end(result)
            outputs, _ = _outputs(command, result, formats)
            return dump_json(outputs)
        except Exception as error:
            raise InferenceError(repr(error)) from error

    def _print_manifest(self) -> None:
        import json
        # Escaped to ASCII: an old Python's stdout knows no other letters in a bare container.
        print(json.dumps(json.loads(dump_json(self.manifest()).decode('utf-8'))), flush=True)

    def _initialize(self, options: Mapping[str, Any]) -> None:
        print('Initializing model...', flush=True)
        started = time.monotonic()
        try:
            self._call_setup(_deserialize(self.options, options, MissingOptionError))
        except RunwayError as error:
            error.print_exception()
            sys.exit(1)
        print('Model initialized (%.2fs)' % (time.monotonic() - started), flush=True)
        self._started = time.monotonic()

    def _call_setup(self, values: Dict[str, Any]) -> None:
        self.running_status = STARTING
        if self._setup_function is not None:
            try:
                if not self.options and _takes_nothing(self._setup_function):
                    self.model = self._setup_function()
                else:
                    self.model = self._setup_function(values)
            except Exception as error:
                raise SetupError(repr(error)) from error
        self.running_status = RUNNING

    def _serve(self, settings: _settings.Settings) -> None:
        from . import _reload, _server, _signals
        # The port is opened before set-up, so that /healthcheck can tell that the model starts.
        # Commands that arrive meanwhile wait for their turn.
        self._turns.attach()
        undo = _signals.end_on_sigterm(self._close_port, self._turns.wake)
        try:
            self._server = _server.start(self, settings.host, settings.port)
            if settings.debug:
                _reload.restart_on_change()
            self._initialize(settings.model_options)
            print('Starting model server at http://%s:%d...' % (
                settings.host, self._server.port), flush=True)
            self._turns.serve()
        except _server.CannotListen as error:
            sys.exit(str(error))
        except KeyboardInterrupt:
            print('Stopping model server.', flush=True)
        finally:
            undo()
            self._close_port()
            self._server = None
            self._turns.detach()

    def _close_port(self) -> None:
        if self._server is not None:
            self._server.close()


def _fields(declared: Mapping[str, AnyType]) -> List[BaseType]:
    return [named(data_type, name) for name, data_type in declared.items()]


def _deserialize(fields: List[BaseType], given: Mapping[str, Any],
                 missing_error: Type[RunwayError]) -> Dict[str, Any]:
    """Values by name from what a client sent; a missing one is its type's default, as it stands."""
    values = {}
    for field in fields:
        if field.name in given:
            values[field.name] = field.deserialize(given[field.name])
        elif hasattr(field, 'default'):
            values[field.name] = field.default
        else:
            raise missing_error(field.name)
    return values


def _outputs(command: Command, result: Any, formats: Formats) -> Answer:
    """A handler's result as `({output name: serialized value}, progress or None)`."""
    result, progress = _split_progress(command, result)
    fields = command.outputs
    only = fields[0] if len(fields) == 1 else None
    if isinstance(result, dict) and not (only and only.type == 'any' and only.name not in result):
        values = result
    elif only:
        values = {only.name: result}
    else:
        raise InvalidArgumentError(
            command.name, 'a command with several outputs has to return a dict of them, not %s.'
            % type(result).__name__)
    outputs = {}
    for field in fields:
        if field.name not in values:
            raise InvalidArgumentError(field.name, 'the command did not return this output.')
        output_format = formats.get(field.name) if takes_output_format(field) else None
        outputs[field.name] = serialize(field, values[field.name], output_format)
    return outputs, progress


def _split_progress(command: Command, result: Any) -> Tuple[Any, Optional[float]]:
    if type(result) is not tuple or len(result) != 2 or not _is_number(result[1]):
        return result, None
    # A pair of numbers for a list-like output is the value itself, not a value with its progress.
    only = command.outputs[0].type if len(command.outputs) == 1 else None
    if only in ('vector', 'array', 'image_point') and _is_number(result[0]):
        return result, None
    return result[0], _plain(result[1])


def _is_number(value: Any) -> bool:
    return isinstance(_plain(value), (int, float)) and not isinstance(value, bool)


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, 'item') and getattr(value, 'size', 1) == 1 else value


def _run_to_end(generator: Iterator[Any]) -> Any:
    last = None
    while True:
        try:
            last = next(generator)
        except StopIteration as stop:
            return last if stop.value is None else stop.value


def _takes_nothing(function: Handler) -> bool:
    import inspect
    return not inspect.signature(function).parameters


def _millis_since(moment: Optional[float]) -> Optional[int]:
    return None if moment is None else int((time.monotonic() - moment) * 1000)
