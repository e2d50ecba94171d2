"""The functions' modules, imported again for each container.

What a module keeps at its top level is the state of a warm container. So every module that reaches the runtime or the
output, directly or through others, is executed again for each container. The rest are rules without state, and shared
by all.
"""

import ast
import importlib.util
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any
from unittest import mock

from aws_lambda_powertools import Metrics

from verification.simulation.flaw import CHANGES, Flaw, apply

PROJECT = Path(__file__).parents[3]
LAMBDAS = PROJECT / "lambdas"
# What an operator runs beside the functions, on the same runtime.
_OPERATED = (
    "cli.lib.journal",
    "cli.lib.replay_plan",
    "cli.lib.replayer",
    "verification.simulation.world.replay_command",
)
RUNTIME = "vectorcare_bridge.edge.runtime"
OUTPUT = "vectorcare_bridge.edge.observability"


class Loader:
    """Makes the modules of containers, with flaws in them in tests of the simulation itself."""

    def __init__(self, flaws: Sequence[Flaw] = ()) -> None:
        flawed = {flaw.module for flaw in flaws}
        self._code = {name: compiled(name) for name in _product_modules() - flawed}
        self._flaws = {name: tuple(flaw for flaw in flaws if flaw.module == name) for name in flawed}
        self._code |= {name: compiled(name, own) for name, own in self._flaws.items()}
        self._fresh = _reaching(frozenset({RUNTIME, OUTPUT} | flawed))

    def load(self, handler: str, *, environment: Mapping[str, str], loaded: Callable[[ModuleType], None]) -> Any:
        """Import a handler's module as a cold start does; `loaded` is given the runtime's before anything uses it."""
        known = {name: module for name, module in sys.modules.items() if name in self._fresh}
        self._forget()
        finder = Finder(self._code, self._flaws, loaded)
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


class Finder:
    """Finds the functions' modules as code compiled before, with the flaws that were compiled into it.

    `loaded` is given the runtime's module before anything uses it.
    """

    def __init__(
        self,
        code: Mapping[str, CodeType],
        flaws: Mapping[str, Sequence[Flaw]],
        loaded: Callable[[ModuleType], None] = lambda _runtime: None,
    ) -> None:
        self._code = code
        self._flaws = flaws
        self._loaded = loaded

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> Any:
        if name not in self._code:
            return None
        path = _path_of(name)
        spec = importlib.util.spec_from_loader(name, self, is_package=path.name == "__init__.py")  # type: ignore[arg-type]  # it is one
        if spec and spec.submodule_search_locations is not None:
            # A package that stays must still be one for later imports.
            spec.submodule_search_locations.append(str(path.parent))
        return spec

    def create_module(self, _spec: object) -> None:
        """Leave it to the machinery."""

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__[CHANGES] = [flaw.change for flaw in self._flaws.get(module.__name__, ())]
        exec(self._code[module.__name__], module.__dict__)  # nosec B102  # noqa: S102 this is how a module is imported
        if module.__name__ == RUNTIME:
            self._loaded(module)


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
def compiled(name: str, flaws: tuple[Flaw, ...] = ()) -> CodeType:
    """Compile a module, with flaws in it.

    Raises
    ------
    LookupError
        There is nothing any more of what one of them changes.
    """
    if name not in _product_modules():
        raise LookupError(f"there is no {name} any more, which a flaw is meant to change")
    source = _path_of(name).read_text(encoding="utf-8")
    return compile(apply(source, flaws) if flaws else source, str(_path_of(name)), "exec")


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
