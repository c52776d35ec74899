"""Needs what is not installed."""

import a_package_that_is_absent  # noqa: F401
import attrs  # noqa: F401
