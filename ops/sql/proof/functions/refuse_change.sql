-- Trigger function of the append-only tables of the log: refuses every change (insufficient_privilege).
create or replace function proof.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'The log is append-only: % on %.% is refused.', tg_op, tg_table_schema, tg_table_name
        using errcode = 'insufficient_privilege';
end
$$;
