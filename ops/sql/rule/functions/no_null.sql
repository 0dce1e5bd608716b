-- For places where an answer may not be null: fails, and the question is answered by the resolvers, which word the
-- error. It is volatile, because an immutable function would be called at planning.
create or replace function rule.no_null(what text) returns text
language plpgsql volatile as $$
begin
    raise exception '% is null and may not be', what;
end
$$;
