-- Receipts of answers that were given together have one signature, which is stored once.
set local role aeo_owner;

create table access.receipt_batch (
    id uuid primary key,                     -- The id in the statement
    jwt text not null                        -- The signed statement over all receipts of the batch
);
-- Of a receipt with a batch `jwt` is what follows the statement: the answer, and its place in the tree
alter table access.receipt
    add column batch uuid                    -- The batch; null where the receipt is signed itself
;

grant insert on access.receipt_batch to aeo_reader;
grant select on access.receipt_batch to aeo_auditor;

reset role;
