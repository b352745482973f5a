"""The machinery behind "ResNet18 from scratch": lessons, their tests, their notebooks.

A notebook needs two names, `check` and `carry`; they load on first use, so that importing the package is instant.
"""

from typing import Any

__all__ = ["carry", "check"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'course' has no attribute '{name}'")
    from course import checking

    return getattr(checking, name)
