"""A test module as the recorder sees it: the probes, and nothing of what they should give."""

from __future__ import annotations

import ast
import zlib
from typing import Any

from course.lesson import LessonError


def name_of(node: Any) -> str:
    """The name of a pytest item without its module, its parameters by number: the same for judge and recorder."""
    indices = node.callspec.indices.values() if hasattr(node, "callspec") else ()
    return "-".join([node.originalname, *map(str, indices)])


def seed_of(test: str, base: int) -> int:
    """The seed of a test, from its name and the session's `--seed`."""
    return zlib.crc32(test.encode()) + base


def without_expected(source: str) -> str:
    """The source of a test module without its expectations and whatever only these refer to.

    Raises:
        LessonError: a local name or a parameter holds an expectation where it can't be taken out.
    """
    tree = ast.parse(source)
    tests = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    for test in tests:
        for node in ast.walk(test):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="student"), attr="returns" | "raises")):
                    _forget(node)
        _drop_unread_functions(test)
        _blank_unread_parameters(test, tree)
        if unread := _stored(test) - _read(test):
            raise LessonError(
                f"{test.name}: {', '.join(sorted(unread))} is used only in what is expected, and a student's code "
                "could read it there; move it into the function that gives the expected value."
            )
    wanted, kept = {test.name for test in tests}, set()
    while new := [s for s in tree.body if s not in kept and (_bound(s) & wanted or isinstance(s, ast.ImportFrom))]:
        kept.update(new)
        wanted = wanted.union(*(_read(statement) for statement in new))
    return ast.unparse(ast.Module([statement for statement in tree.body if statement in kept], type_ignores=[]))


def _forget(call: ast.Call) -> None:
    call.args[1:] = [ast.Constant(None)]
    hidden = {"naming": None, "without": True}  # that kernels matter has to be known, not which
    call.keywords = [
        ast.keyword(word.arg, ast.Constant(hidden[word.arg])) if word.arg in hidden else word for word in call.keywords
    ]


def _drop_unread_functions(test: ast.FunctionDef) -> None:
    while True:
        read = _read(test)
        kept = [s for s in test.body if not (isinstance(s, ast.FunctionDef) and s.name not in read)]
        if len(kept) == len(test.body):
            return
        test.body = kept


def _blank_unread_parameters(test: ast.FunctionDef, tree: ast.Module) -> None:
    """Put None where `parametrize` gives a value that the test no longer reads."""
    read = set().union(*(_read(statement) for statement in test.body))
    for decorator in test.decorator_list:
        if not (isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.parametrize"):
            continue
        names = ast.literal_eval(decorator.args[0])
        names = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
        unread = [place for place, name in enumerate(names) if name not in read]
        if not unread:
            continue
        rows = decorator.args[1]
        if isinstance(rows, ast.Name):
            rows = next(
                (s.value for s in tree.body if isinstance(s, ast.Assign) and rows.id in _bound(s)), ast.Constant(None)
            )
        if not isinstance(rows, ast.List | ast.Tuple):
            raise LessonError(f"{test.name}: write the rows of its parameters as a list, so that they can be hidden.")
        decorator.args[1] = ast.List([_blanked(row, unread, len(names), test.name) for row in rows.elts], ast.Load())


def _blanked(row: ast.expr, places: list[int], width: int, test: str) -> ast.expr:
    if width == 1:
        return ast.Constant(None)
    if not isinstance(row, ast.Tuple | ast.List) or len(row.elts) != width:
        raise LessonError(f"{test}: write each row of its parameters as a tuple, so that it can be hidden.")
    return ast.Tuple([ast.Constant(None) if i in places else item for i, item in enumerate(row.elts)], ast.Load())


def _read(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def _stored(node: ast.AST) -> set[str]:
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return {name for name in names if not name.startswith("_")}


def _bound(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    names = {
        (alias.asname or alias.name).partition(".")[0]
        for n in ast.walk(statement)
        if isinstance(n, ast.Import | ast.ImportFrom)
        for alias in n.names
    }
    return names | _stored(statement)
