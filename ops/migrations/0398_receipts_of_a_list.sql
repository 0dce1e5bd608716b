-- The receipts of the answers to a list are read together, by the id of the request that they state.
set local role aeo_owner;

create index receipt_request on access.receipt (request, number);

reset role;
