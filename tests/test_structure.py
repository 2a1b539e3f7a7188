"""The house: imports go only downwards, layers never import each other, and NumPy alone is needed to import it."""

import ast
import re
import subprocess
import sys
from functools import cache
from importlib.metadata import requires
from pathlib import Path

import pytest

import rnnlab as rl

PACKAGE = Path(rl.__file__).parent
FLOORS = [
    ["arrays", "names", "record", "files", "table", "interrupt", "memory", "subnormals"],
    ["activations", "initializers", "affine", "trace", "losses"],
    ["layers"],
    ["network", "bptt", "optim"],
    ["gradcheck", "flow"],
    [
        "exercise",
        "sequences",
        "interop",
        "models",
        "tasks",
        "settings",
        "checkpoint",
        "progress",
        "training",
        "parallel",
    ],
    ["experiments", "testing"],
    ["gallery"],
    ["claims", "explore"],
    ["commands", "cli", "__main__"],
]

NEIGHBOURS = {
    ("record", "arrays"),
    ("record", "files"),
    ("losses", "trace"),
    ("bptt", "network"),
    ("tasks/characters", "sequences"),
    ("tasks/series", "sequences"),
    ("checkpoint", "tasks.task"),
    ("training", "checkpoint"),
    ("training", "settings"),
    ("training", "progress"),
    ("training", "models"),
    ("progress", "checkpoint"),
    ("training", "tasks.task"),
    ("training", "parallel"),
    ("parallel/ensembles", "tasks.task"),
    ("models", "tasks.task"),
    ("__main__", "cli"),
    *(("cli", f"commands.{path.stem}") for path in (PACKAGE / "commands").glob("[!_]*.py")),
}
"""The imports that stay on their floor."""


def test_the_map_draws_the_same_house():
    section = (PACKAGE.parent / "tutorials" / "CODE.md").read_text(encoding="utf-8").partition("## The map")[2]
    drawn: dict[int, list[str]] = {}
    here = 0
    for number, rooms in re.findall(r"^\| *(\d*) *\| ([^|]*) \|", section.partition("\n## ")[0], re.MULTILINE):
        here = int(number) if number else here  # a row without a number is of the floor above it
        drawn.setdefault(here, []).extend(re.findall(r"`([a-z]+)(?:\.py|/)`", rooms))
    floors = {number: sorted(rooms) for number, rooms in enumerate(FLOORS)}
    floors[len(FLOORS) - 1].remove("__main__")
    assert {number: sorted(rooms) for number, rooms in drawn.items()} == floors
    there = {path.stem for path in PACKAGE.iterdir()} - {"__init__", "__main__", "__pycache__", "py"}
    assert there == {room for rooms in floors.values() for room in rooms}


def modules() -> list[Path]:
    return sorted(path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py"))


@cache
def parsed(module: Path) -> ast.Module:
    return ast.parse((PACKAGE / module).with_suffix(".py").read_text(encoding="utf-8"))


@cache
def imports(module: Path) -> set[str]:
    """The rnnlab modules that a module imports, as dotted names without the leading "rnnlab."."""
    found = set()
    for node in ast.walk(parsed(module)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "rnnlab":
            base = node.module.removeprefix("rnnlab").removeprefix(".")
            for alias in node.names:
                path = ".".join(filter(None, (base, alias.name)))
                exists = (PACKAGE / path.replace(".", "/")).with_suffix(".py").exists() or (
                    PACKAGE / path.replace(".", "/")
                ).is_dir()
                found |= {path if exists else base} - {""}  # "" is rnnlab itself: its __version__
        assert not (isinstance(node, ast.ImportFrom) and node.level), f"{module} imports relatively"
        if isinstance(node, ast.Import):
            assert not any(alias.name.startswith("rnnlab") for alias in node.names), f"{module}: use from rnnlab import"
    return found


def floor(name: str) -> int:
    room = name.replace("/", ".").split(".")[0]
    (number,) = [number for number, rooms in enumerate(FLOORS) if room in rooms]
    return number


@pytest.mark.parametrize("module", modules(), ids=str)
def test_imports_go_only_downwards(module):
    name = module.as_posix()
    if name == "__init__":
        return
    for wanted in imports(module):
        same_room = wanted.split(".")[0] == name.split("/")[0]
        assert floor(wanted) < floor(name) or same_room or (name, wanted) in NEIGHBOURS, (
            f"{name} (floor {floor(name)}) imports {wanted} (floor {floor(wanted)})"
        )


def test_no_two_modules_import_each_other():
    edges = {module.as_posix().replace("/", "."): imports(module) for module in modules() if module.name != "__init__"}

    def reaches(start: str, goal: str, seen: frozenset[str] = frozenset()) -> bool:
        return any(
            step == goal or (step not in seen and reaches(step, goal, seen | {step})) for step in edges.get(start, ())
        )

    assert [name for name in edges if reaches(name, name)] == []


def test_layers_never_import_each_other():
    for module in modules():
        if module.parts[0] == "layers" and module.name != "__init__":
            assert not any(name.startswith("layers") for name in imports(module)), module


def test_importing_rnnlab_loads_numpy_and_nothing_else_from_outside():
    script = (
        "import sys; before = set(sys.modules); import rnnlab; "
        "outside = {name.split('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names); "
        "print(sorted(name for name in outside - {'cython_runtime'} if not name.startswith('_')))"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "['numpy', 'rnnlab']"


def test_numpy_and_matplotlib_are_the_only_run_time_dependencies():
    plain = [need for need in requires("rnnlab") if "extra" not in need]
    assert sorted(need.split(">")[0] for need in plain) == ["matplotlib", "numpy"]
    assert all("<" not in need for need in plain)


def test_a_test_needs_no_package_that_the_extra_test_does_not_bring():
    # "pytest>=8; extra == 'test'": what is imported bears the name of what is installed.
    brought = {re.match(r"\w+", need)[0] for need in requires("rnnlab") if "extra" not in need or "test" in need}
    folder = Path(__file__).parent
    known = brought | sys.stdlib_module_names | {"rnnlab"} | {path.stem for path in folder.iterdir()}
    for path in folder.rglob("test_*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            assert {name.split(".")[0] for name in names} <= known, path.name


def test_there_is_no_assert_in_the_library():
    for module in modules():
        assert not any(isinstance(node, ast.Assert) for node in ast.walk(parsed(module))), module


@pytest.mark.parametrize("module", modules(), ids=str)
def test_every_module_opens_with_a_docstring_and_every_public_name_has_one(module):
    tree = parsed(module)
    assert ast.get_docstring(tree), f"{module} has no opening sentence"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            private_page = module.parts[0] == "gallery" and node.name == "caption"
            assert ast.get_docstring(node) or private_page or len(node.body) <= 3, f"{module}: {node.name}"


def test_every_public_name_is_there():
    assert sorted(rl.__all__) == sorted(set(rl.__all__))
    for name in rl.__all__:
        assert getattr(rl, name) is not None
