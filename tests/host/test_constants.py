"""Constants folded from one firmware module into the others: what runs means the same."""

import ast
import subprocess
import sys

import pytest

from wattledger import bundle, constants

CODES = (
    "from meter.compat import const\nA = const(3)\nB = const(A << 4)\nC = const(-1)\nD = (A, B)\n"
)

LINES = "def f(n):\n    from meter.codes import (\n        A,\n        C,\n    )\n"


def folded(text, **others):
    sources = {"meter/codes.py": CODES, "meter/user.py": text}
    sources |= {f"meter/{name}.py": other for name, other in others.items()}
    return constants.fold(sources)


def ran(text, name, **known):
    space = dict(known)
    exec(compile(text, "user", "exec"), space)
    return space[name]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("from meter import codes\nx = codes.B + 1\n", 49),
        ("from meter.codes import B as b, C\nx = b * 2 + C\n", 95),
        ("def f():\n    from meter import codes\n    return codes.A\nx = f()\n", 3),
        (LINES + "    return n + A - C\nx = f(1)\n", 5),
        ("from meter.codes import A\ndef f(n=A):\n    return n ** A\nx = f()\n", 27),
        ("from meter.codes import C\nx = 2 - C\n", 3),
    ],
)  # fmt: skip
def test_a_use_becomes_its_number(text, value):
    found = folded(text)["meter/user.py"]
    assert "codes" not in found
    assert found.count("\n") == text.count("\n")
    assert ran(found, "x") == value


def test_what_nobody_asks_for_is_left_out():
    found = folded("from meter.codes import A\nx = A\n")
    assert "A =" not in found["meter/codes.py"]
    assert "B =" not in found["meter/codes.py"]
    assert "D = (3, 48)" in found["meter/codes.py"]


def test_a_constant_of_a_constant_of_another_module():
    found = folded(
        "from meter.more import E\nx = E\n",
        more="from meter.codes import B\nfrom meter.compat import const\nE = const(B + 2)\n",
    )
    assert ran(found["meter/user.py"], "x") == 50


@pytest.mark.parametrize(
    "text",
    [
        "from meter.codes import A\ndef f(A):\n    return A\nx = f(7)\n",
        "from meter.codes import A\nfor A in (5, 7):\n    x = A\n",
    ],
)
def test_a_shadowed_name_stays(text):
    found = folded(text)
    assert found["meter/user.py"] == text
    assert "A = const(3)" in found["meter/codes.py"]
    assert ran(text.partition("\n")[2], "x") == 7


def test_a_name_beside_the_constants_keeps_its_import():
    found = folded(
        "from meter.codes import A, D\nfrom meter import codes, user\nx = codes.D + (A,)\n"
    )
    assert found["meter/user.py"].startswith("from meter.codes import D\nfrom meter import codes")


def test_private_and_changing_names_are_not_touched():
    text = "from meter.compat import const\n_P = const(1)\nQ = const(2)\nQ = 3\nx = _P + Q\n"
    assert folded(text)["meter/user.py"].replace("1 + Q", "_P + Q") == text


def test_text_that_does_not_parse_is_left_to_the_compiler():
    sources = {"a.py": "x = (", "b.py": CODES}
    assert constants.fold(sources) == sources


def test_the_whole_firmware_folds_without_a_name_lost(tmp_path):
    firmware = bundle.root() / "firmware"
    sources = {p.relative_to(firmware).as_posix(): p.read_text() for p in firmware.rglob("*.py")}
    found = constants.fold(sources)
    shorter = 0
    for path, text in found.items():
        ast.parse(text)
        assert text.count("\n") == sources[path].count("\n"), path
        shorter += len(text) < len(sources[path])
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert shorter > 20
    assert "EVENT_CHIP_RESET" not in found["meter/codes.py"]
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select=F821", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    script = "import meter.meter, meter.service, meter.answers, meter.limiter; print('runs')"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout == "runs\n", done.stderr
