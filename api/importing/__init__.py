"""Import of files of commands.

Dialects and layouts, lines, command ids, and the all-or-nothing import.
"""
