"""Import of files of commands: dialects and layouts, lines, command ids, and the all-or-nothing import."""
