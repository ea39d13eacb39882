-- Runs once, on an empty volume: a login and a database for each service that keeps something.
\getenv approval_password POSTGRES_APPROVAL_PASSWORD
\getenv audit_password POSTGRES_AUDIT_PASSWORD

create role approval login password :'approval_password';
create database approval owner approval;
revoke connect, temporary on database approval from public;

-- Audit works as a role that can add to the record and read it, nothing else.
create role countersign_audit_writer nologin;
create role audit login password :'audit_password' in role countersign_audit_writer;
create database audit owner audit;
revoke connect, temporary on database audit from public;
revoke connect on database postgres from public;
