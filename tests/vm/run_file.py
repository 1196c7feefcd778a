"""Runs one file of tests/shared on MicroPython: VM, unix binary or board.

The VM calls `load`, `run(i)` and `report` one by one: it collects garbage only between calls.
The last line of the output is `@@ where|ran|failed|skipped`, which the callers read.
"""

import gc
import sys
import unittest

classes = []
result = unittest.TestResult()


def load(name):
    """Import the test module. -> number of its TestCase classes."""
    module = __import__(name)
    for attribute in sorted(dir(module)):
        found = getattr(module, attribute)
        if isinstance(found, type) and issubclass(found, unittest.TestCase):
            if found is not unittest.TestCase and found not in classes:
                classes.append(found)
    return len(classes)


def run(index):
    """Run one class; failures stay in `result`."""
    suite = unittest.TestSuite()
    suite.addTest(classes[index])
    suite.run(result)


def report():
    """Print what failed, then the line that the callers read."""
    result.printErrors()
    failed = result.errorsNum + result.failuresNum
    where = "MicroPython %d.%d.%d" % sys.implementation[1][:3]
    build = getattr(sys.implementation, "_machine", sys.platform)
    ran = result.testsRun - result.skippedNum
    print("@@ %s (%s)|%d|%d|%d" % (where, build, ran, failed, result.skippedNum))


def main(name):
    """All in one go, where garbage is collected as usual."""
    for index in range(load(name)):
        run(index)
        gc.collect()
    report()


if __name__ == "__main__":
    main(sys.argv[1])
