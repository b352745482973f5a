"""Which statements of a lesson's cells its definitions need: imports, functions, classes, assignments; no demos."""

from __future__ import annotations

import ast
import dis
import re
from dataclasses import dataclass
from types import CodeType

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
FILLS = {"add", "append", "extend", "insert", "setdefault", "update"}  # methods that change what they are called on


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
    """A top-level statement with the global names that it reads (in nested functions too) and those it binds.

    What it fills counts as bound: `BasicBlock.forward = …`, `KERNELS["sobel"] = …`, `KERNELS.update(…)`. Of a loop
    nothing else counts, so that a training run isn't taken for the definition of the weight that it changes.
    """

    node: ast.stmt
    reads: frozenset[str]
    binds: frozenset[str]

    @classmethod
    def of(cls, node: ast.stmt) -> _Statement:
        reads: set[str] = set()
        binds: set[str] = set()
        loop = isinstance(node, ast.For | ast.AsyncFor | ast.While)

        def visit(code: CodeType, top: bool) -> None:
            for instruction in dis.get_instructions(code):
                action, _, scope = instruction.opname.partition("_")
                if action == "LOAD" and ("NAME" in scope or "GLOBAL" in scope):
                    reads.add(instruction.argval)
                elif action == "STORE" and not loop and ((top and scope == "NAME") or scope == "GLOBAL"):
                    binds.add(instruction.argval)
            for constant in code.co_consts:
                if isinstance(constant, CodeType):
                    visit(constant, top=False)

        visit(compile(ast.Module([node], type_ignores=[]), "", "exec", dont_inherit=True), top=True)
        if not isinstance(node, DEFINITIONS):
            binds.update(name for part in ast.walk(node) if (name := _filled(part)))
        return cls(node, frozenset(reads), frozenset(binds))


def _filled(part: ast.AST) -> str | None:
    """The name of what an expression changes by storing something in it."""
    match part:
        case ast.Attribute(ctx=ast.Store()) | ast.Subscript(ctx=ast.Store()):
            while isinstance(part, ast.Attribute | ast.Subscript):
                part = part.value
            return part.id if isinstance(part, ast.Name) else None
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if method in FILLS:
            return name
        case ast.Call(func=ast.Name(id="setattr"), args=[ast.Name(id=name), *_]):
            return name
    return None


def needed(cells: list[tuple[str, ast.Module]], wanted: set[str], bound: set[str]) -> list[tuple[str, ast.Module]]:
    """Keep the statements that bind the wanted names or what these need.

    Names that are bound already stay what they are.
    """
    left = [_Statement.of(s) for _, tree in cells for s in tree.body]
    imports = [s.node for s in left if isinstance(s.node, ast.ImportFrom)]
    kept: set[ast.stmt] = {node for node in imports if node.names[0].name == "*"}
    while new := [s for s in left if s.binds & wanted and s.node not in kept]:
        kept.update(s.node for s in new)
        wanted = wanted.union(*(s.reads for s in new)) - bound
    future: list[ast.stmt] = [node for node in imports if node.module == "__future__"]  # holds for all later cells
    return [
        (filename, ast.Module(future + [s for s in tree.body if s in kept and s not in future], type_ignores=[]))
        for filename, tree in cells
    ]
