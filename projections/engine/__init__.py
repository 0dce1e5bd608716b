"""The projection engine: the projector, the fold from events to rows, the rebuild, and the leader lock."""
