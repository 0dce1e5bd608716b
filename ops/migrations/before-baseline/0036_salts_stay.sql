-- Nobody erases a salt of the log. A leaf without its salt proves nothing, so whoever may take salts away may
-- rewrite what they opened; and what a person's naming says without the person's own salt is nothing about them.
revoke delete on proof.salt from aeo_erasure;
revoke select on proof.salt, proof.leaf, proof.state from aeo_erasure;
revoke select (position, originator_id, topic, state) on ledger.event from aeo_erasure;
revoke usage on schema proof, ledger from aeo_erasure;
