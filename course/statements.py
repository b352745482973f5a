"""Which statements of a lesson's cells its definitions need: imports, functions, classes, assignments; no demos."""

from __future__ import annotations

import ast
import dis
import re
from dataclasses import dataclass
from types import CodeType

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
FILLS = {"add", "append", "extend", "insert", "reverse", "setdefault", "sort", "update"}  # change their object


def parsed(source: str) -> ast.Module:
    """The syntax tree of a cell, without IPython's own lines where there are any."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        tree = ast.parse(_without_magics(source))
    compile(tree, "", "exec", dont_inherit=True)  # finds what the parser lets pass: a return outside of a function
    return tree


def _without_magics(source: str) -> str:
    """Put `pass` for IPython's own lines (`%matplotlib inline`, `!ls`, `plt?`); of most `%%` cells nothing stays."""
    if re.match(r"\s*%%(?!(time|capture|prun)\b)", source):  # what these three run as Python stays
        return ""
    source = re.sub(r"\A(\s*)%%.*", r"\1", source)
    own = r"%{1,2}[A-Za-z].*|!(?!=).*|\?.*|[\w.]+\?{1,2}[ \t]*"  # a line of Python may go on with `% 3` or `!= y`
    source = re.sub(rf"(?m)^([ \t]*)({own})$", r"\1pass", source)
    return re.sub(r"(?m)^([ \t]*[\w, ]+=)[ \t]*[%!].*$", r"\1 None", source)  # files = !ls


@dataclass(frozen=True, eq=False)
class _Statement:
    """A top-level statement and the global names that matter to others.

    What it fills counts as bound: `BasicBlock.forward = …`, `KERNELS["sobel"] = …`, `KERNELS.update(…)`, and by a
    decorator, `@add_to_class(SGD)`. Of a loop nothing else counts, so that a training run isn't taken for the
    definition of the weight that it changes.

    Attributes:
        reads: what it reads, in nested functions too.
        runs: of these, what it reads when it is executed.
        binds: what it binds then.
        fills: what the function or class that it defines fills when it is called.
    """

    node: ast.stmt
    reads: frozenset[str]
    runs: frozenset[str]
    binds: frozenset[str]
    fills: frozenset[str]

    @classmethod
    def of(cls, node: ast.stmt, imported: set[str]) -> _Statement:
        reads: set[str] = set()
        runs: set[str] = set()
        binds: set[str] = set()
        stored: set[str] = set()  # by a function that says `global`
        loop = isinstance(node, ast.For | ast.AsyncFor | ast.While)

        def visit(code: CodeType, top: bool) -> None:
            for instruction in dis.get_instructions(code):
                action, _, scope = instruction.opname.partition("_")
                if action == "LOAD" and ("NAME" in scope or "GLOBAL" in scope):
                    reads.add(instruction.argval)
                    runs.update({instruction.argval} if top else ())
                elif action == "STORE" and scope == "GLOBAL":
                    stored.add(instruction.argval)
                elif action == "STORE" and top and scope == "NAME" and not loop:
                    binds.add(instruction.argval)
            for constant in code.co_consts:
                if isinstance(constant, CodeType):
                    visit(constant, top=False)

        visit(compile(ast.Module([node], type_ignores=[]), "", "exec", dont_inherit=True), top=True)
        parts = list(ast.walk(node))
        filled = {name for part in parts for name in _changed(part)} - imported
        filled.update(name for part in parts for name in _filled(part))
        if isinstance(node, DEFINITIONS):
            binds, fills = binds | _decorated(node) - imported, stored | filled & reads
        else:
            binds, fills = binds | stored | filled, set()
        return cls(node, frozenset(reads), frozenset(runs), frozenset(binds), frozenset(fills))


def _filled(part: ast.AST) -> list[str]:
    """The names of what an expression changes by storing something in it."""
    match part:
        case ast.Attribute(ctx=ast.Store()) | ast.Subscript(ctx=ast.Store()):
            return _root(part)
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if method in FILLS:
            return [name]
        case ast.Call(func=ast.Name(id="setattr"), args=[ast.Name(id=name), *_]):
            return [name]
    return []


def _changed(part: ast.AST) -> list[str]:
    """The names of tensors that an expression writes to: `table.div_(255)`, `init.ones_(table)`, `out=table`."""
    match part:
        case ast.Call(func=ast.Attribute(value=value, attr=method), args=args) if re.search("[^_]_$", method):
            return [name for tensor in (value, *args[:1]) for name in _root(tensor)]
        case ast.keyword(arg="out", value=value):
            return _root(value)
    return []


def _root(part: ast.expr) -> list[str]:
    """The name that `name.attribute[0].attribute` begins with, if it does."""
    while isinstance(part, ast.Attribute | ast.Subscript):
        part = part.value
    return [part.id] if isinstance(part, ast.Name) else []


def _decorated(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> set[str]:
    """The names that its decorators may change: SGD by `@add_to_class(SGD)`, KINDS by `@KINDS.append`."""
    parts = [part for decorator in node.decorator_list for part in ast.walk(decorator)]
    called = {part.func for part in parts if isinstance(part, ast.Call)} | set(node.decorator_list)
    return {part.id for part in parts if isinstance(part, ast.Name) and part not in called}


def needed(cells: list[tuple[str, ast.Module]], wanted: set[str], bound: set[str]) -> list[tuple[str, ast.Module]]:
    """Keep the statements that bind the wanted names or what these need.

    Names that are bound already stay what they are.
    """
    nodes = [node for _, tree in cells for node in tree.body]
    imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    imported = {(alias.asname or alias.name).partition(".")[0] for node in imports for alias in node.names} | bound
    left = [_Statement.of(node, imported) for node in nodes]
    fills = {name: s.fills for s in left if s.fills for name in s.binds}
    binds = {s: s.binds.union(*(fills[name] for name in s.runs & fills.keys())) for s in left}
    kept: set[ast.stmt] = {node for node in imports if node.names[0].name == "*"}
    while new := [s for s in left if binds[s] & wanted and s.node not in kept]:
        kept.update(s.node for s in new)
        wanted = wanted.union(*(s.reads for s in new)) - bound
    future: list[ast.stmt] = [node for node in imports if getattr(node, "module", "") == "__future__"]
    return [
        (filename, ast.Module(future + [s for s in tree.body if s in kept and s not in future], type_ignores=[]))
        for filename, tree in cells  # the future's hold for all later cells
    ]
