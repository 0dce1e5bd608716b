"""Following another register: its events are taken into streams here after they are proven.

Transport, verification against its log, recording with the position, and evidence of a fork.
"""
