-- One basis of a recognition: the clause of an agreement, and the authorisation for which it holds. `since` (UTC):
-- from when both have applied. `assumed`: a published list says so, and no decision.
create type rule.basis as (
    agreement text, ordinal int, authorisation text, since timestamptz, identifier_scheme text,
    identifier text, declaration_box text, benefits text[], assumed boolean
);
