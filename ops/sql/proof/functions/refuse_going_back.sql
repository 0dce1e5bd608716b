-- Trigger function of proof.state: size and position never decrease.
create or replace function proof.refuse_going_back() returns trigger language plpgsql as $$
begin
    if new.size < old.size or new.position < old.position then
        raise exception 'The tree has % leaves and cannot go back to %.', old.size, new.size
            using errcode = 'insufficient_privilege';
    end if;
    return new;
end
$$;
