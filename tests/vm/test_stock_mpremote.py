"""Stock mpremote on the virtual board, unchanged, as a person would use it."""

import hashlib
import os
import pty
import random
import subprocess
import sys
import termios
import time

import pytest

CTRL_RIGHT_BRACKET = b"\x1d"


def test_exec_and_eval(running):
    assert running.mpremote("exec", "print(40 + 2)") == "42\n"
    assert running.mpremote("eval", "'a' * 3") == "aaa\n"


def test_exec_shows_the_traceback_and_fails(running):
    shown = running.mpremote("exec", "x = 1\n1 // 0", code=1)
    assert shown.splitlines()[-2:] == [
        '  File "<stdin>", line 2, in <module>',
        "ZeroDivisionError: divide by zero",
    ]


def test_run_a_local_script(running, tmp_path):
    script = tmp_path / "script.py"
    script.write_text("for i in range(3):\n    print(i)\n")
    assert running.mpremote("run", script) == "0\n1\n2\n"


def test_long_command_passes_the_raw_paste_window(running):
    numbers = list(range(4000))
    assert running.mpremote("exec", f"print(sum({numbers}))") == f"{sum(numbers)}\n"


def test_copy_both_ways_keeps_every_byte(running, tmp_path):
    data = bytes(range(256)) * 3 + random.Random(1).randbytes(20_000)
    there, back = tmp_path / "there.bin", tmp_path / "back.bin"
    there.write_bytes(data)
    running.mpremote("fs", "cp", there, ":there.bin")
    assert (running.files / "there.bin").read_bytes() == data
    running.mpremote("fs", "cp", ":there.bin", back)
    assert back.read_bytes() == data


def test_sha256sum(running, tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"wattledger" * 999)
    running.mpremote("fs", "cp", file, ":")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert digest in running.mpremote("fs", "sha256sum", ":file")


def test_folders(running, tmp_path):
    source = tmp_path / "package"
    (source / "inner").mkdir(parents=True)
    (source / "one.py").write_text("A = 1\n")
    (source / "inner" / "two.py").write_text("B = 22\n")
    running.mpremote("fs", "cp", "-r", source, ":")
    listed = [line.split() for line in running.mpremote("fs", "ls", ":package").splitlines()]
    assert sorted(listed[1:]) == [["0", "inner/"], ["6", "one.py"]]
    tree = running.mpremote("fs", "tree")
    assert [line.strip("│├└─ ") for line in tree.splitlines()[1:]] == [
        *(":/", "package", "inner", "two.py", "one.py")
    ]
    assert running.mpremote("exec", "from package.inner import two; print(two.B)") == "22\n"
    running.mpremote("fs", "mkdir", ":empty")
    assert (running.files / "empty").is_dir()
    running.mpremote("fs", "rmdir", ":empty")
    running.mpremote("fs", "rm", ":package/one.py")
    assert not (running.files / "package/one.py").exists()
    running.mpremote("fs", "rm", "-r", ":package")
    assert list(running.files.iterdir()) == []


def test_missing_file_is_named_by_its_errno(running):
    assert "No such file" in running.mpremote("fs", "cat", ":nothing", code=1)
    assert (
        running.run(
            """
        try:
            open("/nothing")
        except OSError as error:
            print(error.errno)
        """
        )
        == "2"
    )


def test_df(running):
    row = running.mpremote("df").splitlines()[1].split()
    assert row[1] == str(0xC0000)  # the vfs partition
    assert row[-1] == "/"


def test_resume_keeps_what_the_session_before_made(running):
    running.mpremote("exec", "kept = 5")
    assert running.mpremote("resume", "exec", "print(kept)") == "5\n"
    assert "NameError" in running.mpremote("exec", "print(kept)", code=1)


def test_soft_reset_runs_boot_and_skips_main(board):
    board.script("boot.py", "ran = ['boot']")
    board.script("main.py", "ran.append('main')")
    board.start(clock="real")
    assert board.run("print(ran)") == "['boot', 'main']"
    board.mpremote("soft-reset")
    assert board.run("print(ran)") == "['boot']"
    assert board.run("import machine; print(machine.reset_cause())") == "5"
    board.mpremote("reset")
    time.sleep(1)
    assert board.run("print(ran)") == "['boot', 'main']"
    assert board.run("import machine; print(machine.reset_cause())") == "2"


def converse(board, steps):
    """mpremote repl on a terminal. steps: (keys, what must follow). -> all that was shown."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "mpremote", "connect", board.port(), "repl"],
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.set_blocking(master, False)
    shown = b""
    try:
        for keys, wanted in steps:
            seen = len(shown)
            deadline = time.monotonic() + 10
            while keys and termios.tcgetattr(slave)[3] & termios.ECHO:
                assert time.monotonic() < deadline, "it greets, and then takes the terminal over"
                time.sleep(0.01)
            os.write(master, keys)
            while wanted not in shown[seen:]:
                assert time.monotonic() < deadline, (keys, wanted, shown[seen:])
                try:
                    shown += os.read(master, 4096)
                except BlockingIOError:
                    time.sleep(0.01)
        os.write(master, CTRL_RIGHT_BRACKET)
        assert process.wait(10) == 0
    finally:
        process.kill()
        os.close(master)
        os.close(slave)
    return shown


def test_repl(board):
    board.script("main.py", "import time\nprint('main is up')\nwhile True:\n    time.sleep(1)\n")
    board.start(clock="real")
    shown = converse(
        board,
        [
            (b"", b"Use Ctrl-]"),
            (b"\x03", b"KeyboardInterrupt"),
            (b"\r", b">>> "),
            (b"6 * 7\r", b"42\r\n>>> "),
            (b"def f():\r", b"... "),
            (b"return 8\r\r\r\r", b">>> "),
            (b"f()\r", b"8\r\n>>> "),
            (b"\x05", b"=== "),
            (b"print('pas' + 'ted')\r\x04", b"pasted\r\n"),
            (b"\x04", b"MPY: soft reboot\r\nmain is up"),
            (b"\x03", b">>> "),
            (b"import machine\r", b">>> "),
            (b"machine.reset()\r", b"main is up"),
            (b"\x03", b">>> "),
        ],
    )
    assert b"Traceback" in shown


def test_keys_typed_during_a_soft_reset_are_not_lost(running):
    converse(running, [(b"", b"Use Ctrl-]"), (b"\r\x04print(30 + 3)\r", b"33\r\n>>> ")])


@pytest.mark.parametrize(
    "program",
    [
        "import time\nwhile True:\n    time.sleep_ms(20)",
        "import time\ntime.sleep(1000)",
        "n = 0\nwhile True:\n    n += 1",
        "while True:\n    pass",
        "while True:\n    print('x', end='')",
    ],
    ids=["sleeping", "one sleep", "counting", "pass", "printing"],
)
def test_mpremote_interrupts_a_running_main(board, program):
    board.script("main.py", program)
    board.start(clock="real")
    time.sleep(0.2)
    assert board.status()["cpu"] == "main.py"
    assert board.mpremote("resume", "exec", "print(1)") == "1\n"


def test_busy_port_is_refused(running):
    code = "import time\nprint('in')\ntime.sleep(30)"
    first = subprocess.Popen(
        [sys.executable, "-m", "mpremote", "connect", running.port(), "exec", code],
        stdout=subprocess.PIPE,
    )
    try:
        assert first.stdout.readline().strip() == b"in"
        assert "in use" in running.mpremote("exec", "print(1)", code=1)
    finally:
        first.kill()
        first.wait()
        first.stdout.close()
    assert running.mpremote("exec", "print(1)") == "1\n"


def test_symlink_works_too(running):
    command = [sys.executable, "-m", "mpremote", "connect", running.port(timeouts=True)]
    done = subprocess.run([*command, "exec", "print(1)"], capture_output=True, timeout=30)
    assert done.stdout.split() == [b"1"], done.stderr
