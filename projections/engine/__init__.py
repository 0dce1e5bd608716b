"""The projection engine.

The projector, the fold from events to rows, the rebuild, and the leader lock.
"""
