"""Who may import whom: the table of docs/architecture.md, held."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# A folder may import itself and what is listed: a package, or one module of it with what is below.
MAY_IMPORT = {
    "millstream": (),
    "features": ("millstream",),
    "models": ("millstream", "features.spec", "features.feature", "features.signatures"),
    "stream": ("millstream", "features"),
    "online_trainer": ("millstream", "features", "models"),
    "serving": ("millstream", "features", "models"),
    "feature_repo": (
        "features.spec",
        "features.feature",
        "millstream.domain",
        "millstream.errors",
        "millstream.settings",
        "millstream.redis_clients",
    ),
    "simulation": ("millstream", "features", "models", "stream", "online_trainer", "serving"),
    "deploy": (),
    "examples": (),
}
# The demo is a command too: it starts the local services, which nothing in production does. The
# contract suites are for tests, and check what is made of a project's Python.
EXCEPTIONS = {
    "millstream/demo": ("deploy.local",),
    "millstream/testing": ("features", "models"),
}
# The shells of the workers, which move bytes and wait: the simulation has its own.
SHELLS = (
    "stream.ingest.app",
    "stream.embedded",
    "stream.storage.embedded_connection",
    "stream.storage.assigned_store",
    "stream.storage.leader_lease",
    "stream.main",
    "stream.outputs.producer",
    "stream.storage.redis_connection",
    "stream.storage.store",
    "stream.ingest.transport",
    "online_trainer.main",
    "online_trainer.embedded",
    "online_trainer.io.outbox",
    "online_trainer.io.consumer",
    "online_trainer.worker",
    "serving.consumers.broker",
    "serving.embedded",
    "serving.consumers.topic_consumer",
    "serving.consumers.producer",
    "serving.http",
    "serving.main",
    "serving.wiring",
)
HEAVY = {"tensorflow", "keras", "feast", "faust", "fastapi"}


def imports(tree: ast.AST) -> Iterator[str]:
    """Dotted names that are imported anywhere below `tree`; `from a import b` gives `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}: write it out"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def at_import_time(tree: ast.Module) -> ast.Module:
    """The module without the bodies of its functions, and without what only types need."""

    class Hollow(ast.NodeTransformer):
        def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
            return None

        def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
            return None

        def visit_If(self, node: ast.If) -> ast.If | None:
            is_for_types = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
            return None if is_for_types else node

    return Hollow().visit(tree)


def is_below(name: str, allowed: str) -> bool:
    return name == allowed or name.startswith(f"{allowed}.")


def files_of(folder: str) -> list[Path]:
    return sorted(path for path in (ROOT / folder).rglob("*.py"))


def forbidden(path: Path) -> list[str]:
    """Imports of `path` that the table does not allow."""
    folder = path.relative_to(ROOT).parts[0]
    tree = ast.parse(path.read_text())
    if path.is_relative_to(ROOT / "millstream" / "cli"):
        tree = at_import_time(
            tree
        )  # a command imports the process that it starts, when it starts it
    own = [names for part, names in EXCEPTIONS.items() if path.is_relative_to(ROOT / part)]
    allowed = (folder, *MAY_IMPORT[folder], *chain.from_iterable(own))
    return [
        name
        for name in imports(tree)
        if name.split(".")[0] in MAY_IMPORT
        if not any(is_below(name, each) for each in allowed)
    ]


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_a_folder_imports_only_what_the_table_allows(folder):
    found = {
        str(path.relative_to(ROOT)): names
        for path in files_of(folder)
        if (names := forbidden(path))
    }
    assert found == {}


def test_the_stream_never_imports_tensorflow():
    for path in files_of("stream"):
        names = {name.split(".")[0] for name in imports(ast.parse(path.read_text()))}
        assert not names & {"tensorflow", "keras"}, path


def test_the_simulation_imports_the_cores_and_none_of_the_shells():
    for path in files_of("simulation"):
        names = list(imports(ast.parse(path.read_text())))
        assert not [name for name in names for shell in SHELLS if is_below(name, shell)], path


def test_nothing_imports_the_tests():
    for folder in MAY_IMPORT:
        for path in files_of(folder):
            names = {name.split(".")[0] for name in imports(ast.parse(path.read_text()))}
            assert "tests" not in names, path


@pytest.mark.parametrize("package", ["millstream", "features"])
def test_the_vocabulary_is_light(package):
    """Importing every module (but the commands) loads neither TensorFlow nor a framework."""
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in files_of(package)
        if "cli" not in path.parts and path.name != "__main__.py"
    ]
    program = (
        f"import importlib, sys\nfor name in {names!r}: importlib.import_module(name)\n"
        f"print(*sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import stream.ingest.app", ["stream.ingest.app"]),
        ("from serving import app as a, x", ["serving.app", "serving.x"]),
        ("def f():\n    import models.fields", ["models.fields"]),
    ],
)
def test_imports_are_found_wherever_they_stand(text, names):
    assert list(imports(ast.parse(text))) == names
