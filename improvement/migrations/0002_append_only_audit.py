"""Hold in the database itself what is never changed: the audit log, what arrived, and what was answered and done."""

from django.db import migrations

NEVER_CHANGED = ("blob", "programrun", "servingstep", "streamarchive")

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
    # Records leave the database for the archive, and for nowhere else.
    """CREATE TRIGGER stream_record_no_update BEFORE UPDATE ON improvement_streamrecord
       BEGIN SELECT RAISE(ABORT, 'records of a stream are append only'); END""",
    """CREATE TRIGGER stream_record_no_delete BEFORE DELETE ON improvement_streamrecord
       WHEN NOT EXISTS (SELECT 1 FROM improvement_streamarchive AS archive WHERE archive.stream_id = OLD.stream_id
                        AND OLD.number BETWEEN archive.first AND archive.last)
       BEGIN SELECT RAISE(ABORT, 'records of a stream are append only'); END""",
    """CREATE TRIGGER model_call_no_update BEFORE UPDATE ON improvement_modelcall WHEN OLD.answered_at IS NOT NULL
       BEGIN SELECT RAISE(ABORT, 'answered questions are append only'); END""",
    """CREATE TRIGGER model_call_no_delete BEFORE DELETE ON improvement_modelcall
       BEGIN SELECT RAISE(ABORT, 'questions are append only'); END""",
    *(
        f"""CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON improvement_{table}
            BEGIN SELECT RAISE(ABORT, 'rows of {table} are append only'); END"""
        for table in NEVER_CHANGED
        for verb in ("UPDATE", "DELETE")
    ),
)

POSTGRESQL = (
    """CREATE FUNCTION improvement_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
           MESSAGE = 'rows of ' || TG_TABLE_NAME || ' are append only';
       END $$""",
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
    """CREATE FUNCTION improvement_archived_first() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF NOT EXISTS (SELECT 1 FROM improvement_streamarchive AS archive WHERE archive.stream_id = OLD.stream_id
                        AND OLD.number BETWEEN archive.first AND archive.last) THEN
           RAISE EXCEPTION 'records of a stream are append only' USING ERRCODE = 'integrity_constraint_violation';
         END IF;
         RETURN OLD;
       END $$""",
    """CREATE TRIGGER stream_record_no_delete BEFORE DELETE ON improvement_streamrecord
       FOR EACH ROW EXECUTE FUNCTION improvement_archived_first()""",
    """CREATE TRIGGER model_call_no_update BEFORE UPDATE ON improvement_modelcall
       FOR EACH ROW WHEN (OLD.answered_at IS NOT NULL) EXECUTE FUNCTION improvement_append_only()""",
    """CREATE TRIGGER model_call_no_delete BEFORE DELETE ON improvement_modelcall
       FOR EACH ROW EXECUTE FUNCTION improvement_append_only()""",
    *(
        f"""CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON improvement_{table}
            FOR EACH ROW EXECUTE FUNCTION improvement_append_only()"""
        for table in NEVER_CHANGED
    ),
    *(
        f"""CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON improvement_{table}
            FOR EACH STATEMENT EXECUTE FUNCTION improvement_append_only()"""
        for table in (*NEVER_CHANGED, "streamrecord", "modelcall")
    ),
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
        "stream_record_no_delete",
        "model_call_no_update",
        "model_call_no_delete",
        *(f"{table}_no_{verb}" for table in NEVER_CHANGED for verb in ("update", "delete")),
    )
)

POSTGRESQL_DROP = (
    "DROP TRIGGER IF EXISTS audit_event_no_update ON improvement_auditevent",
    "DROP TRIGGER IF EXISTS audit_event_no_truncate ON improvement_auditevent",
    "DROP TRIGGER IF EXISTS audit_event_in_turn ON improvement_auditevent",
    "DROP TRIGGER IF EXISTS checkpoint_no_update ON improvement_checkpoint",
    "DROP TRIGGER IF EXISTS checkpoint_no_truncate ON improvement_checkpoint",
    "DROP TRIGGER IF EXISTS stream_record_no_update ON improvement_streamrecord",
    "DROP TRIGGER IF EXISTS stream_record_no_delete ON improvement_streamrecord",
    "DROP TRIGGER IF EXISTS model_call_no_update ON improvement_modelcall",
    "DROP TRIGGER IF EXISTS model_call_no_delete ON improvement_modelcall",
    *(f"DROP TRIGGER IF EXISTS {table}_no_change ON improvement_{table}" for table in NEVER_CHANGED),
    *(
        f"DROP TRIGGER IF EXISTS {table}_no_truncate ON improvement_{table}"
        for table in (*NEVER_CHANGED, "streamrecord", "modelcall")
    ),
    "DROP FUNCTION IF EXISTS improvement_append_only",
    "DROP FUNCTION IF EXISTS improvement_in_turn",
    "DROP FUNCTION IF EXISTS improvement_archived_first",
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
