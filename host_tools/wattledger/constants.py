"""Constants of one firmware module written into the others, before they are compiled.

MicroPython's compiler replaces a `const` within its own file only, and keeps each public one as a
name and an entry of a table in RAM. Here every use of a public `NAME = const(...)` of any module
becomes its number, in place, so that lines keep their numbers; what nobody asks for by name any
more, definition or import, is left out. A name whose use cannot be replaced stays as it is.
"""

import ast
from dataclasses import dataclass, field


@dataclass
class _Module:
    """One file: its tree, its constants, and what is to be done to its text.

    imports   by name of a module that is named in full
    stores    every name that is given a value, but by an import
    """

    name: str
    text: str
    tree: ast.Module
    imports: list[ast.ImportFrom] = field(default_factory=list)
    stores: list[str] = field(default_factory=list)
    values: dict[str, int] = field(default_factory=dict)
    defined: dict[str, ast.Assign] = field(default_factory=dict)
    edits: list[tuple[ast.stmt | ast.expr, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lines = self.text.encode().split(b"\n")
        for node in ast.walk(self.tree):
            match node:
                case ast.ImportFrom(module=str(), level=0):
                    self.imports.append(node)
                case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                    self.stores.append(name)

    def written(self, node: ast.expr) -> bytes:
        """-> the text of an expression of one line."""
        return self._lines[node.lineno - 1][node.col_offset : node.end_col_offset]


def fold(sources: dict[str, str]) -> dict[str, str]:
    """{path below firmware: text} -> the same, folded. Text that does not parse is left alone:
    the compiler tells what is wrong with it."""
    modules = {}
    for path, text in sources.items():
        try:
            tree = ast.parse(text)
        except SyntaxError:
            return sources
        name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        modules[path] = _Module(name, text, tree)
    by_name = {module.name: module for module in modules.values()}
    while sum(_evaluate(module, by_name) for module in modules.values()):
        pass
    kept: set[tuple[str, str]] = set()
    for module in modules.values():
        _replace(module, by_name, kept)
    for module in modules.values():
        _drop(module, by_name, kept)
    return {path: _edited(module) for path, module in modules.items()}


def _evaluate(module: _Module, by_name: dict[str, _Module]) -> bool:
    """Find constants whose values are known by now. -> whether there was a new one."""
    known = {local: by_name[m].values[n] for local, m, n in _imported(module, by_name)}
    found = False
    for node in module.tree.body:
        match node:
            case ast.Assign(
                targets=[ast.Name(id=name)],
                value=ast.Call(func=ast.Name(id="const"), args=[arg], keywords=[]),
            ) if name not in module.values:
                try:
                    code = compile(ast.Expression(arg), module.name, "eval")
                    value = eval(code, {"__builtins__": {}}, known | module.values)
                except (NameError, AttributeError, TypeError):
                    continue
                if isinstance(value, int) and module.stores.count(name) == 1:
                    module.values[name], module.defined[name] = value, node
                    found = True
    return found


def _imported(module: _Module, by_name: dict[str, _Module]) -> list[tuple[str, str, str]]:
    """-> (local name, module, name) of constants that an import brings by name."""
    return [
        (alias.asname or alias.name, node.module, alias.name)
        for node in module.imports
        if node.module in by_name
        for alias in node.names
        if alias.name in by_name[node.module].values
    ]


def _aliases(module: _Module, by_name: dict[str, _Module]) -> dict[str, str]:
    """-> {local name: module} of modules that an import brings."""
    return {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in module.imports
        for alias in node.names
        if f"{node.module}.{alias.name}" in by_name
    }


def _replace(module: _Module, by_name: dict[str, _Module], kept: set[tuple[str, str]]) -> None:
    """Note every use of a constant that becomes its number; kept: those that cannot."""
    stored = set(module.stores) - module.defined.keys()
    aliases = _aliases(module, by_name)
    names = {local: (m, n) for local, m, n in _imported(module, by_name)}
    names |= {name: (module.name, name) for name in module.defined}
    for node in ast.walk(module.tree):
        match node:
            case ast.Attribute(value=ast.Name(id=local), attr=attr) if local in aliases:
                target, written = (aliases[local], attr), f"{local}.{attr}"
            case ast.Name(id=local, ctx=ast.Load()) if local in names:
                target, written = names[local], local
            case _:
                continue
        if target[1] not in by_name[target[0]].values:
            continue
        in_place = module.written(node) == written.encode()
        if in_place and local not in stored:  # else shadowed, or inside an f-string of Python 3.11
            module.edits.append((node, _number(by_name[target[0]].values[target[1]])))
        else:
            kept.add(target)


def _number(value: int) -> str:
    return str(value) if value >= 0 else f"({value})"


def _drop(module: _Module, by_name: dict[str, _Module], kept: set[tuple[str, str]]) -> None:
    """Note definitions and imports that nothing needs any more."""
    for name, node in module.defined.items():
        if not name.startswith("_") and (module.name, name) not in kept:
            module.edits = [e for e in module.edits if not _within(e[0], node)]
            module.edits.append((node, "pass"))
    edited = {id(node) for node, _ in module.edits}
    used = {
        child.id
        for node in ast.walk(module.tree)
        if id(node) not in edited
        for child in ast.iter_child_nodes(node)
        if isinstance(child, ast.Name) and id(child) not in edited
    }
    for imported in module.imports:
        gone = [a for a in imported.names if _is_constant(imported, a, by_name, kept, used)]
        if gone:
            left = [ast.unparse(a) for a in imported.names if a not in gone]
            new = f"from {imported.module} import {', '.join(left)}" if left else "pass"
            module.edits.append((imported, new))


def _is_constant(
    node: ast.ImportFrom,
    alias: ast.alias,
    by_name: dict[str, _Module],
    kept: set[tuple[str, str]],
    used: set[str],
) -> bool:
    """Whether an import brings only what has become numbers."""
    whole = by_name.get(f"{node.module}.{alias.name}")
    if whole is not None:
        return bool(whole.values) and (alias.asname or alias.name) not in used
    source = by_name.get(node.module or "")
    return (
        source is not None
        and alias.name in source.values
        and (source.name, alias.name) not in kept
    )


def _within(inner: ast.stmt | ast.expr, outer: ast.stmt) -> bool:
    assert inner.end_lineno is not None
    assert outer.end_lineno is not None
    return outer.lineno <= inner.lineno and inner.end_lineno <= outer.end_lineno


def _edited(module: _Module) -> str:
    """-> the text with its edits done, from the end to the beginning."""
    lines = module.text.encode().splitlines(keepends=True)  # columns are counted in bytes
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    data = b"".join(lines)
    spots = sorted(
        (
            starts[node.lineno - 1] + node.col_offset,
            starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0),
            new,
        )
        for node, new in module.edits
    )
    for begin, end, new in reversed(spots):
        padding = b"\n" * data[begin:end].count(b"\n")
        data = data[:begin] + new.encode() + padding + data[end:]
    return data.decode()
