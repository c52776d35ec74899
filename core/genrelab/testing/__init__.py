"""The conformance kit: what every component must do, as checks that anybody's tests can run.

A plugin's test file needs three lines::

    from genrelab.testing import parametrize_with_checks

    @parametrize_with_checks("my_net.py")          # a file, a module, or a component
    def test_my_net_keeps_its_promises(check):
        check()

`genrelab check --run` and the tests of what ships run the same checks. What a component is known not to do, it says
itself: ``Model(..., known_failures={"onnx": "complex numbers have no operator there"})``.
"""

from __future__ import annotations

from genrelab.testing.checks import Check, ConformanceError, Outcome, checks_of
from genrelab.testing.parametrize import parametrize_with_checks

__all__ = ["Check", "ConformanceError", "Outcome", "checks_of", "parametrize_with_checks"]
