"""The house rules of docs/architecture.md as code: `violations(root)` names each breach.

A rule is one function; `test_tidy.py` plants one breach of each and wants exactly that found.
"""

import ast
import io
import re
import tokenize
from pathlib import Path, PurePosixPath

FILE_LINES_MAX = 320
FUNCTION_LINES_MAX = 60
TEXT = {".py", ".mjs", ".toml", ".json", ".md", ".ini", ".csv", ".sh", ""}

# layer -> what it may import: first match wins. A dotted name allows itself and what is below.
# All that is not named is refused, above all what the VM has and the chip lacks: functools,
# logging, pathlib, datetime, typing, collections.abc, dataclasses, enum, contextlib, ...
CORE = ("meter", "struct", "binascii", "hashlib", "json")
LAYERS = (
    ("firmware/meter/compat.py", (*CORE, "micropython", "sys")),
    ("firmware/meter/**", CORE),
    (
        "firmware/drivers/**",
        "meter drivers machine esp32 micropython time os gc sys struct binascii hashlib array"
        " errno framebuf cryptolib",
    ),
    (
        "firmware/comms/**",
        "meter.service meter.compat meter.errors meter.obis meter.civil comms asyncio network"
        " socket ssl json time struct binascii hashlib os sys gc errno micropython select",
    ),
    ("firmware/app.py", "board meter drivers sys gc micropython time"),
    ("firmware/*.py", "app comms sys gc micropython machine esp32 os struct time"),
    ("boards/*/board.py", "drivers machine esp32 micropython os cryptolib"),
)
HOST_NEVER = ("drivers", "app", "board", "comms", "boot", "main")

# Written in two halves, or this file would break its own rule.
MACHINE_PATHS = re.compile("|".join(("/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/", "/Us" + "ers/")))


def is_firmware(path):
    """-> whether the file runs on the chip. path: relative to the project."""
    return path.parts[0] == "firmware" or path.match("boards/*/board.py")


def is_core(path):
    return path.parts[:2] == ("firmware", "meter")


def in_layer(path, pattern):
    if pattern.endswith("/**"):
        return str(path).startswith(pattern[:-2])
    return path.match(pattern) and len(path.parts) == len(PurePosixPath(pattern).parts)


def imported(tree, package):
    """-> (line, dotted name) of every import, wherever it stands; relative ones resolved.

    package   of the file: ("meter", "security")
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package[: len(package) + 1 - node.level]
                base = ".".join(filter(None, (*above, base)))
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "__import__"
            and isinstance(node.args[0], ast.Constant)
        ):
            yield node.lineno, node.args[0].value


def below(name, allowed):
    return any(name == a or name.startswith(a + ".") for a in allowed)


def imports(path, tree, text):
    names = imported(tree, path.parts[path.parts[0] != "boards" : -1])
    if path.parts[0] in ("host_tools", "boards") and not is_firmware(path):
        for line, name in names:
            board = name.startswith("boards.") and not name.startswith("boards.virtual")
            if below(name, HOST_NEVER) or board:
                yield line, f"host code imports {name}: only meter and boards.virtual"
        return
    for pattern, allowed in LAYERS:
        if in_layer(path, pattern):
            allowed = allowed.split() if isinstance(allowed, str) else allowed
            for line, name in names:
                if not below(name, allowed):
                    yield line, f"{pattern} must not import {name}: only {' '.join(allowed)}"
            return


def floats(path, tree, text):
    if not is_firmware(path):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            yield node.lineno, f"float {node.value}: the chip's floats have 24 bits"
        elif isinstance(node, ast.Name) and node.id in ("float", "complex"):
            yield node.lineno, f"{node.id}: the chip's floats have 24 bits"


def division(path, tree, text):
    if not is_firmware(path):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            yield node.lineno, "true division: use // and carry the remainder"


def joined_strings(path, tree, text):
    if not is_firmware(path):
        return
    before = None
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        name = tokenize.tok_name[token.type]
        if name in ("NL", "COMMENT"):
            continue
        literal = name in ("STRING", "FSTRING_START", "FSTRING_END")
        prefix = re.match("[a-zA-Z]*", token.string)[0].lower() if name == "STRING" else ""
        is_f = name.startswith("FSTRING") or "f" in prefix
        starts = literal and name != "FSTRING_END"
        if starts and before is not None and (is_f or before):
            yield token.start[0], "f-string beside another literal: MicroPython refuses it"
        before = is_f if literal and name != "FSTRING_START" else None


def prints(path, tree, text):
    if not is_firmware(path):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "print":
                yield node.lineno, "print in firmware: raise MeterError or write an event"


def swallowed(path, tree, text):
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            kind = node.type.id if isinstance(node.type, ast.Name) else None
            broad = node.type is None or kind in ("Exception", "BaseException")
            if broad and all(isinstance(n, ast.Pass | ast.Continue) for n in node.body):
                yield node.lineno, "every error swallowed: name the one that is expected"


def docstrings(path, tree, text):
    if path.parts[0] == "firmware" and not ast.get_docstring(tree):
        yield 1, "no docstring at the head of the file"
    if not is_core(path):
        return
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            if not ast.get_docstring(node):
                yield node.lineno, f"{node.name} has no docstring: shape, unit, range, errors"


def long_functions(path, tree, text):
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = node.end_lineno - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield node.lineno, f"{node.name} has {lines} lines, {FUNCTION_LINES_MAX} at most"


def long_files(path, tree, text):
    lines = text.count("\n")
    if lines > FILE_LINES_MAX:
        yield 1, f"{lines} lines, {FILE_LINES_MAX} at most: it has two subjects"


def machine_paths(path, tree, text):
    for number, line in enumerate(text.splitlines(), 1):
        found = MACHINE_PATHS.search(line)
        if found:
            yield number, f"path of one machine: {found[0]}"


CODE_RULES = (
    *(imports, floats, division, joined_strings, prints),
    *(swallowed, docstrings, long_functions, long_files),
)


def files(root):
    """-> relative paths of the project's texts, without what set-up brings."""
    for folder in ("firmware", "boards", "host_tools", "tests", "docs"):
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and path.suffix in TEXT and "__pycache__" not in path.parts:
                yield PurePosixPath(path.relative_to(root).as_posix())
    for path in sorted(root.iterdir()):
        if path.is_file() and path.suffix in TEXT and path.name != ".git":
            yield PurePosixPath(path.name)


def violations(root: Path):
    """-> (rule, "file:line: what") of every breach below root."""
    found = []
    for path in files(root):
        text = (root / path).read_text()
        tree = ast.parse(text) if path.suffix == ".py" else None
        rules = [machine_paths]
        if path.parts[0] in ("firmware", "boards", "host_tools"):
            rules += CODE_RULES if tree else [long_files] if path.suffix == ".mjs" else []
        for rule in rules:
            for line, what in rule(path, tree, text):
                found.append((rule.__name__, f"{path}:{line}: {what}"))
    return found
