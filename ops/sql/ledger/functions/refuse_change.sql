-- Trigger function of the append-only tables: refuses every UPDATE, DELETE and TRUNCATE (insufficient_privilege).
-- The triggers are ALWAYS, so that a session in replica mode cannot pass. An owner can drop a trigger: this guards
-- against accident, the transparency log against intent.
create or replace function ledger.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'The ledger is append-only: % on %.% is refused.', tg_op, tg_table_schema, tg_table_name
        using errcode = 'insufficient_privilege';
end
$$;
