-- The last position that was recorded before an instant (UTC), 0 if there is none. Positions have no gaps and
-- recorded_at never decreases along them, so bisection finds it in about twenty look-ups, without an index.
create or replace function ledger.position_before(instant timestamptz) returns bigint
language plpgsql stable strict
set search_path = pg_catalog, pg_temp
as $$
declare
    low bigint := 0;
    high bigint := (select coalesce(max(e.position), 0) from ledger.event as e);
    middle bigint;
begin
    while low < high loop
        middle := (low + high + 1) / 2;
        if (select e.recorded_at from ledger.event as e where e.position = middle) < instant then
            low := middle;
        else
            high := middle - 1;
        end if;
    end loop;
    return low;
end
$$;

revoke all on function ledger.position_before(timestamp with time zone) from public;
grant execute on function ledger.position_before(timestamp with time zone) to aeo_auditor, aeo_writer, aeo_projector;
