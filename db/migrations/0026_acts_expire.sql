-- Acts of the audit are let go after a while (server/audit/expiry.ts): what tells of them goes from their table
-- without a trace in the log, where it would only stand again. Whoever else deletes one is told of as ever.
drop trigger zz_capture on sync.audit_events;
create trigger zz_capture after insert or update on sync.audit_events for each row
  execute function sync.capture('auditEvents', '{}');
create trigger zz_capture_gone after delete on sync.audit_events for each row
  when (coalesce(current_setting('app.actor', true), '') <> 'expiry')
  execute function sync.capture('auditEvents', '{}');
