-- Trigger function of proof.tile: a tile only grows. A hash that is there is never changed.
create or replace function proof.refuse_rewriting() returns trigger language plpgsql as $$
begin
    if new.level <> old.level or new.index <> old.index
        or substr(new.hashes, 1, octet_length(old.hashes)) <> old.hashes
    then
        raise exception 'A tile only grows at its end: % of level % would be rewritten.', old.index, old.level
            using errcode = 'insufficient_privilege';
    end if;
    return new;
end
$$;
