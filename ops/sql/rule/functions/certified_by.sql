-- Whether anything certified of this operator was known at an instant of transaction time.
create or replace function rule.certified_by(me text, known timestamptz) returns boolean
language plpgsql stable as $$
begin
    return exists (
        select from views.status_period p
        where p.tin = me and p.status = any (rule.certified()) and p.recorded_from <= known
    );
end
$$;
