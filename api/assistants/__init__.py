"""Assistants: a Model Context Protocol server that has the register's questions as tools.

It asks a running register over HTTP as any other client, so rights, quotas and the log of reads are
those of the token that it is given. It has no tool that records anything.
"""
