"""Hold the audit log append only in the database itself: no update, no delete, no row out of its turn."""

from django.db import migrations

SQLITE = (
    """CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON improvement_auditevent
       BEGIN SELECT RAISE(ABORT, 'the audit log is append only'); END""",
    """CREATE TRIGGER audit_event_no_delete BEFORE DELETE ON improvement_auditevent
       BEGIN SELECT RAISE(ABORT, 'the audit log is append only'); END""",
    # REPLACE deletes without firing delete triggers, so an insert must also be the next in turn.
    """CREATE TRIGGER audit_event_in_turn BEFORE INSERT ON improvement_auditevent
       WHEN NEW.seq IS NOT (SELECT size FROM improvement_audithead WHERE id = 1)
       BEGIN SELECT RAISE(ABORT, 'the audit log is append only'); END""",
    """CREATE TRIGGER checkpoint_no_update BEFORE UPDATE ON improvement_checkpoint
       BEGIN SELECT RAISE(ABORT, 'checkpoints are append only'); END""",
    """CREATE TRIGGER checkpoint_no_delete BEFORE DELETE ON improvement_checkpoint
       BEGIN SELECT RAISE(ABORT, 'checkpoints are append only'); END""",
    # What arrived is never changed; records leave the database for the archive.
    """CREATE TRIGGER stream_record_no_update BEFORE UPDATE ON improvement_streamrecord
       BEGIN SELECT RAISE(ABORT, 'records of a stream are append only'); END""",
)

POSTGRESQL = (
    """CREATE FUNCTION improvement_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN RAISE EXCEPTION 'the audit log is append only' USING ERRCODE = 'integrity_constraint_violation'; END $$""",
    """CREATE FUNCTION improvement_in_turn() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF NEW.seq IS DISTINCT FROM (SELECT size FROM improvement_audithead WHERE id = 1) THEN
           RAISE EXCEPTION 'the audit log is append only' USING ERRCODE = 'integrity_constraint_violation';
         END IF;
         RETURN NEW;
       END $$""",
    """CREATE TRIGGER audit_event_no_update BEFORE UPDATE OR DELETE ON improvement_auditevent
       FOR EACH ROW EXECUTE FUNCTION improvement_append_only()""",
    """CREATE TRIGGER audit_event_no_truncate BEFORE TRUNCATE ON improvement_auditevent
       FOR EACH STATEMENT EXECUTE FUNCTION improvement_append_only()""",
    """CREATE TRIGGER audit_event_in_turn BEFORE INSERT ON improvement_auditevent
       FOR EACH ROW EXECUTE FUNCTION improvement_in_turn()""",
    """CREATE TRIGGER checkpoint_no_update BEFORE UPDATE OR DELETE ON improvement_checkpoint
       FOR EACH ROW EXECUTE FUNCTION improvement_append_only()""",
    """CREATE TRIGGER checkpoint_no_truncate BEFORE TRUNCATE ON improvement_checkpoint
       FOR EACH STATEMENT EXECUTE FUNCTION improvement_append_only()""",
    """CREATE TRIGGER stream_record_no_update BEFORE UPDATE ON improvement_streamrecord
       FOR EACH ROW EXECUTE FUNCTION improvement_append_only()""",
    "ALTER TABLE improvement_auditevent ENABLE ALWAYS TRIGGER audit_event_no_update",
    "ALTER TABLE improvement_auditevent ENABLE ALWAYS TRIGGER audit_event_no_truncate",
    "ALTER TABLE improvement_auditevent ENABLE ALWAYS TRIGGER audit_event_in_turn",
)

SQLITE_DROP = tuple(
    f"DROP TRIGGER IF EXISTS {name}"
    for name in (
        "audit_event_no_update",
        "audit_event_no_delete",
        "audit_event_in_turn",
        "checkpoint_no_update",
        "checkpoint_no_delete",
        "stream_record_no_update",
    )
)

POSTGRESQL_DROP = (
    "DROP TRIGGER IF EXISTS audit_event_no_update ON improvement_auditevent",
    "DROP TRIGGER IF EXISTS audit_event_no_truncate ON improvement_auditevent",
    "DROP TRIGGER IF EXISTS audit_event_in_turn ON improvement_auditevent",
    "DROP TRIGGER IF EXISTS checkpoint_no_update ON improvement_checkpoint",
    "DROP TRIGGER IF EXISTS checkpoint_no_truncate ON improvement_checkpoint",
    "DROP TRIGGER IF EXISTS stream_record_no_update ON improvement_streamrecord",
    "DROP FUNCTION IF EXISTS improvement_append_only",
    "DROP FUNCTION IF EXISTS improvement_in_turn",
)


def install(apps, schema_editor):
    """Make the triggers of this database."""
    for statement in POSTGRESQL if schema_editor.connection.vendor == "postgresql" else SQLITE:
        schema_editor.execute(statement)


def remove(apps, schema_editor):
    """Drop the triggers of this database."""
    for statement in POSTGRESQL_DROP if schema_editor.connection.vendor == "postgresql" else SQLITE_DROP:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    """Install the triggers."""

    dependencies = [("improvement", "0001_initial")]
    operations = [migrations.RunPython(install, remove)]
