"""The functions' modules, imported anew for each container.

What a module keeps at its top level is the state of a warm container. So every module that reaches the door to the
world or the output, directly or through others, is executed anew for each container. The rest are rules without state,
and shared by all.
"""

import ast
import importlib.util
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any
from unittest import mock

from aws_lambda_powertools import Metrics

PROJECT = Path(__file__).parents[3]
LAMBDAS = PROJECT / "lambdas"
# What an operator runs beside the functions, through the same door.
_OPERATED = (
    "cli.lib.journal",
    "cli.lib.replay_plan",
    "cli.lib.replayer",
    "verification.simulation.world.replay_command",
)
DOOR = "vectorcare_bridge.edge.runtime"
OUTPUT = "vectorcare_bridge.edge.observability"


@dataclass(frozen=True)
class Flaw:
    """A deliberate fault in the functions' source, to show that the simulation finds it.

    Attributes
    ----------
    module : str
        Dotted name of the module.
    replacements : tuple of (str, str)
        What stands there, once, and what shall stand there instead.
    """

    module: str
    replacements: tuple[tuple[str, str], ...] = field(default=())

    def apply(self, source: str) -> str:
        """Put the fault into the source.

        Raises
        ------
        ValueError
            The source does not hold what is to be replaced, exactly once.
        """
        for right, wrong in self.replacements:
            if source.count(right) != 1:
                raise ValueError(f"{self.module} holds {source.count(right)} times, and not once: {right}")
            source = source.replace(right, wrong)
        return source


class Loader:
    """Makes the modules of containers.

    Parameters
    ----------
    flaws : sequence of Flaw
        To be put into the source; none but in tests of the simulation itself.
    """

    def __init__(self, flaws: Sequence[Flaw] = ()) -> None:
        self._code = {
            name: _compile(name, tuple(flaw for flaw in flaws if flaw.module == name)) for name in _product_modules()
        }
        flawed = {flaw.module for flaw in flaws}
        unknown = flawed - self._code.keys()
        if unknown:
            raise ValueError(f"there are no modules {sorted(unknown)}")
        self._fresh = _reaching(frozenset({DOOR, OUTPUT} | flawed))

    def load(self, handler: str, *, environment: Mapping[str, str], open_door: Callable[[ModuleType], None]) -> Any:
        """Import a handler as a cold start does.

        Parameters
        ----------
        handler : str
            Dotted name of the handler's module.
        environment : mapping
            The function's environment variables.
        open_door : callable
            Given the door's module before anything uses it.

        Returns
        -------
        ModuleType
            The handler's module.
        """
        known = {name: module for name, module in sys.modules.items() if name in self._fresh}
        self._forget()
        finder = _Finder(self._code, open_door)
        sys.meta_path.insert(0, finder)
        # Powertools keeps the metrics of all instances in attributes of the class.
        Metrics._metrics, Metrics._dimensions = {}, {}
        Metrics._metadata, Metrics._default_dimensions = {}, {}
        try:
            with mock.patch.dict("os.environ", environment):
                module = importlib.import_module(handler)
            # The loggers of one process are of one registry, and pytest listens at its root.
            logging.getLogger(environment["POWERTOOLS_SERVICE_NAME"]).propagate = False
            return module
        finally:
            sys.meta_path.remove(finder)
            self._forget()
            for name, module in known.items():
                sys.modules[name] = module
                _bind(name, module)

    def _forget(self) -> None:
        for name in self._fresh:
            sys.modules.pop(name, None)
            _bind(name, None)


def _bind(name: str, module: ModuleType | None) -> None:
    """Let a package know a module of it, as importing the module does, or know it no more."""
    package_name, _, attribute = name.rpartition(".")
    package = sys.modules.get(package_name)
    if package is None:
        return
    if module is not None:
        setattr(package, attribute, module)
    elif hasattr(package, attribute):
        delattr(package, attribute)


class _Finder:
    """Finds the functions' modules as code compiled before."""

    def __init__(self, code: Mapping[str, CodeType], open_door: Callable[[ModuleType], None]) -> None:
        self._code = code
        self._open_door = open_door

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> Any:
        if name not in self._code:
            return None
        path = _path_of(name)
        spec = importlib.util.spec_from_loader(name, self, is_package=path.name == "__init__.py")  # type: ignore[arg-type]  # it is one
        if spec and spec.submodule_search_locations is not None:
            # A package that stays is to be one for whoever imports from it later.
            spec.submodule_search_locations.append(str(path.parent))
        return spec

    def create_module(self, _spec: object) -> None:
        """Leave it to the machinery."""

    def exec_module(self, module: ModuleType) -> None:
        exec(self._code[module.__name__], module.__dict__)  # nosec B102  # noqa: S102 this is how a module is imported
        if module.__name__ == DOOR:
            self._open_door(module)


@lru_cache
def _product_modules() -> frozenset[str]:
    names = set(_OPERATED)
    for path in LAMBDAS.rglob("*.py"):
        parts = path.relative_to(LAMBDAS).with_suffix("").parts
        names.add(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return frozenset(names)


@lru_cache
def _path_of(name: str) -> Path:
    path = (PROJECT if name in _OPERATED else LAMBDAS).joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@lru_cache
def _compile(name: str, flaws: tuple[Flaw, ...]) -> CodeType:
    source = _path_of(name).read_text(encoding="utf-8")
    for flaw in flaws:
        source = flaw.apply(source)
    return compile(source, str(_path_of(name)), "exec")


@lru_cache
def _reaching(targets: frozenset[str]) -> frozenset[str]:
    """Name the modules that import any of the targets, directly or through others, and the targets."""
    imports = {name: _imports(name) for name in _product_modules()}
    reaching = set(targets)
    while True:
        more = {name for name, imported in imports.items() if imported & reaching} - reaching
        if not more:
            return frozenset(reaching)
        reaching |= more


def _imports(name: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(_path_of(name).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found & _product_modules()
