"""Imported by the server of tests/warm_commands.py alone, before it is asked for a command."""

import gc

import pytest  # noqa: F401  # the module that was run, which each process is given

from tests.warm_commands import import_all

gc.disable()
import_all()
gc.enable()
gc.freeze()
