-- What auditors need to page through the ledger: where an instant lies in the sequence.
set local role aeo_owner;

-- The last position recorded before an instant, 0 if there is none. Positions have no gaps and recorded_at
-- never falls along them, so halving finds it in a score of look-ups and the ledger carries no index for it.
create function ledger.position_before(instant timestamptz) returns bigint
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

revoke all on function ledger.position_before from public;
grant execute on function ledger.position_before to aeo_auditor, aeo_writer, aeo_projector;

reset role;
