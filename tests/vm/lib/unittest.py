"""The part of unittest that the shared tests use, for a MicroPython that has none.

The VM has its own frozen in; a stock board or unix binary has not.
"""

import sys


class SkipTest(Exception):
    pass


def skip(reason):
    def mark(test):
        def skipped(self):
            raise SkipTest(reason)

        return skipped

    return mark


def skipIf(condition, reason):
    return skip(reason) if condition else lambda test: test


def skipUnless(condition, reason):
    return skipIf(not condition, reason)


class _Raises:
    def __init__(self, expected):
        self.expected = expected
        self.exception = None

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        assert kind is not None, "%r not raised" % (self.expected,)
        self.exception = value
        return issubclass(kind, self.expected)


class _SubTest:
    def __init__(self, words):
        self.words = words

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            print("    in", self.words)


class TestCase:
    def setUp(self):
        pass

    def tearDown(self):
        pass

    def fail(self, msg=""):
        raise AssertionError(msg)

    def skipTest(self, reason):
        raise SkipTest(reason)

    def subTest(self, msg="", **params):
        return _SubTest((msg, params))

    def assertEqual(self, first, second, msg=""):
        assert first == second, msg or "%r vs (expected) %r" % (first, second)

    def assertNotEqual(self, first, second, msg=""):
        assert first != second, msg or "both %r" % (first,)

    def assertTrue(self, value, msg=""):
        assert value, msg or "%r is not true" % (value,)

    def assertFalse(self, value, msg=""):
        assert not value, msg or "%r is not false" % (value,)

    def assertIs(self, first, second, msg=""):
        assert first is second, msg or "%r is not %r" % (first, second)

    def assertIsNot(self, first, second, msg=""):
        assert first is not second, msg or "both are %r" % (first,)

    def assertIsNone(self, value, msg=""):
        self.assertIs(value, None, msg)

    def assertIsNotNone(self, value, msg=""):
        self.assertIsNot(value, None, msg)

    def assertIn(self, member, container, msg=""):
        assert member in container, msg or "%r not in %r" % (member, container)

    def assertIsInstance(self, value, kind, msg=""):
        assert isinstance(value, kind), msg or "%r is no %r" % (value, kind)

    def assertLessEqual(self, first, second, msg=""):
        assert first <= second, msg or "%r > %r" % (first, second)

    def assertGreaterEqual(self, first, second, msg=""):
        assert first >= second, msg or "%r < %r" % (first, second)

    def assertRaises(self, expected, function=None, *args, **kwargs):
        context = _Raises(expected)
        if function is None:
            return context
        with context:
            function(*args, **kwargs)


class TestResult:
    def __init__(self):
        self.testsRun = self.errorsNum = self.failuresNum = self.skippedNum = 0

    def printErrors(self):
        pass  # each trace has been printed where it happened


class TestSuite:
    def __init__(self):
        self._classes = []

    def addTest(self, cls):
        self._classes.append(cls)

    def run(self, result):
        for cls in self._classes:
            getattr(cls, "setUpClass", lambda: None)()
            for name in sorted(dir(cls)):
                if name.startswith("test"):
                    self._run_one(cls(), name, result)
            getattr(cls, "tearDownClass", lambda: None)()

    def _run_one(self, case, name, result):
        result.testsRun += 1
        said = "ok"
        try:
            case.setUp()
            try:
                getattr(case, name)()
            finally:
                case.tearDown()
        except SkipTest as reason:
            result.skippedNum += 1
            said = "skipped: %s" % (reason,)
        except Exception as error:  # whatever it is, it is this test's result
            sys.print_exception(error)
            if isinstance(error, AssertionError):
                result.failuresNum += 1
                said = "FAIL"
            else:
                result.errorsNum += 1
                said = "ERROR"
        print(name, "...", said)
