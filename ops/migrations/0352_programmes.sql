-- The programmes of an administration are looked up when one is registered: it comes under what the others want a
-- second person for.
set local role aeo_owner;

create index event_programme on ledger.event (position) where topic = 'programme.registered';

reset role;
