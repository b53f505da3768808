"""Service records, reviews, certificates, tasks bound to needs."""

from alembic import op

revision = "0020"
down_revision = "0019"

TABLES = r"""
CREATE TABLE check_in (
    id UUID NOT NULL,
    task_id UUID NOT NULL,
    volunteer_id UUID NOT NULL,
    signup_id UUID NOT NULL,
    organization_id UUID NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    day_on DATE NOT NULL,
    pair INTEGER NOT NULL,
    checked_in_at TIMESTAMP WITH TIME ZONE NOT NULL,
    in_source VARCHAR(40) NOT NULL,
    in_area_code TEXT COLLATE "C",
    checked_in_by UUID NOT NULL,
    checked_out_at TIMESTAMP WITH TIME ZONE,
    out_source VARCHAR(40),
    out_area_code TEXT COLLATE "C",
    checked_out_by UUID,
    state VARCHAR(40) NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT pk_check_in PRIMARY KEY (id),
    CONSTRAINT uq_check_in_task_id_volunteer_id_day_on_pair UNIQUE (task_id, volunteer_id,
        day_on, pair),
    CONSTRAINT ck_check_in_inv_32_pairs CHECK (pair BETWEEN 1 AND 3),
    CONSTRAINT ck_check_in_day_of_check_in CHECK (day_on = (checked_in_at AT TIME ZONE
        'Asia/Shanghai')::date),
    CONSTRAINT ck_check_in_out_after_in CHECK (checked_out_at > checked_in_at),
    CONSTRAINT ck_check_in_at_most_a_day CHECK (checked_out_at <= checked_in_at + interval '1
        day'),
    CONSTRAINT ck_check_in_closed_whole CHECK ((state = 'closed') = (checked_out_at IS NOT NULL)
        AND (checked_out_at IS NULL) = (out_source IS NULL) AND (checked_out_at IS NULL) =
        (checked_out_by IS NULL)),
    CONSTRAINT ck_check_in_at_the_door CHECK (in_source IN ('scan', 'code', 'self_location') AND
        out_source IN ('scan', 'code', 'self_location')),
    CONSTRAINT ck_check_in_place_of_location CHECK ((in_source = 'self_location') =
        (in_area_code IS NOT NULL) AND (out_source IS NOT DISTINCT FROM 'self_location') =
        (out_area_code IS NOT NULL)),
    CONSTRAINT fk_check_in_task_id FOREIGN KEY(task_id) REFERENCES volunteer_task (id),
    CONSTRAINT fk_check_in_volunteer_id FOREIGN KEY(volunteer_id) REFERENCES volunteer (id),
    CONSTRAINT fk_check_in_signup_id FOREIGN KEY(signup_id) REFERENCES signup (id),
    CONSTRAINT fk_check_in_organization_id FOREIGN KEY(organization_id) REFERENCES organization
        (id),
    CONSTRAINT fk_check_in_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT ck_check_in_in_source_known CHECK (in_source IN ('scan', 'code', 'self_location',
        'manual_makeup', 'import')),
    CONSTRAINT fk_check_in_in_area_code FOREIGN KEY(in_area_code) REFERENCES area (code),
    CONSTRAINT ck_check_in_out_source_known CHECK (out_source IN ('scan', 'code',
        'self_location', 'manual_makeup', 'import')),
    CONSTRAINT fk_check_in_out_area_code FOREIGN KEY(out_area_code) REFERENCES area (code),
    CONSTRAINT ck_check_in_state_known CHECK (state IN ('open', 'closed', 'lapsed'))
)
;
CREATE INDEX ix_check_in_area_code ON check_in (area_code)
;
CREATE INDEX ix_check_in_checked_in_at ON check_in (checked_in_at, id)
;
CREATE INDEX ix_check_in_in_area_code ON check_in (in_area_code)
;
CREATE INDEX ix_check_in_organization_id ON check_in (organization_id)
;
CREATE INDEX ix_check_in_out_area_code ON check_in (out_area_code)
;
CREATE INDEX ix_check_in_signup_id ON check_in (signup_id)
;
CREATE INDEX ix_check_in_task_id ON check_in (task_id)
;
CREATE INDEX ix_check_in_to_lapse ON check_in (checked_in_at) WHERE state = 'open'
;
CREATE INDEX ix_check_in_volunteer_id ON check_in (volunteer_id)
;
CREATE UNIQUE INDEX uq_check_in_open ON check_in (volunteer_id) WHERE state = 'open'
;
CREATE TABLE service_record (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    volunteer_id UUID NOT NULL,
    task_id UUID NOT NULL,
    organization_id UUID NOT NULL,
    parent_organization_id UUID,
    area_code TEXT COLLATE "C" NOT NULL,
    check_in_id UUID,
    corrects_id UUID,
    source VARCHAR(40) NOT NULL,
    external_ref TEXT,
    day_on DATE NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE NOT NULL,
    minutes INTEGER NOT NULL,
    evidence JSONB,
    tier VARCHAR(40),
    day_minutes INTEGER,
    parent_over INTEGER,
    province_over INTEGER,
    rule TEXT,
    recorded_by UUID NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE,
    decided_by UUID,
    disputed_by UUID,
    closed_at TIMESTAMP WITH TIME ZONE,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_service_record PRIMARY KEY (id),
    CONSTRAINT uq_service_record_organization_id_external_ref UNIQUE (organization_id,
        external_ref),
    CONSTRAINT ck_service_record_inv_32_minutes CHECK (minutes > 0 AND minutes <=
        floor(extract(epoch FROM ended_at - started_at) / 60)),
    CONSTRAINT ck_service_record_within_its_day CHECK (day_on = (started_at AT TIME ZONE
        'Asia/Shanghai')::date AND ended_at <= ((day_on + 1)::timestamp AT TIME ZONE
        'Asia/Shanghai')),
    CONSTRAINT ck_service_record_has_its_pair CHECK (source IN ('manual_makeup', 'import') OR
        check_in_id IS NOT NULL),
    CONSTRAINT ck_service_record_import_has_its_key CHECK ((source = 'import') = (external_ref
        IS NOT NULL)),
    CONSTRAINT ck_service_record_judged_whole CHECK ((tier IS NULL) = (day_minutes IS NULL) AND
        (tier IS NULL) = (rule IS NULL) AND (tier IS NULL) = (parent_over IS NULL) AND (tier IS
        NULL) = (province_over IS NULL)),
    CONSTRAINT ck_service_record_inv_32_tier CHECK (tier = CASE WHEN day_minutes > province_over
        THEN 'province' WHEN day_minutes > parent_over THEN 'parent' ELSE 'none' END),
    CONSTRAINT ck_service_record_judged_first CHECK (state NOT IN ('pending_parent',
        'pending_province', 'effective', 'disputed', 'corrected', 'revoked') OR tier IS NOT
        NULL),
    CONSTRAINT ck_service_record_decided CHECK (state NOT IN ('effective', 'disputed',
        'corrected', 'revoked') OR (tier = 'none' AND source NOT IN ('manual_makeup', 'import'))
        OR decided_by IS NOT NULL),
    CONSTRAINT ck_service_record_inv_32_second_person CHECK (decided_by IS DISTINCT FROM
        recorded_by),
    CONSTRAINT ck_service_record_reason_given CHECK (state NOT IN ('rejected', 'disputed',
        'corrected', 'revoked') OR state_reason IS NOT NULL),
    CONSTRAINT ck_service_record_disputed_by CHECK (state <> 'disputed' OR disputed_by IS NOT
        NULL),
    CONSTRAINT ck_service_record_closed_whole CHECK ((state IN ('rejected', 'corrected',
        'revoked')) = (closed_at IS NOT NULL)),
    CONSTRAINT ex_service_record_inv_31_overlap EXCLUDE USING gist
        (int8range(hashtextextended(volunteer_id::text, 0), hashtextextended(volunteer_id::text,
        0), '[]') WITH &&, tstzrange(started_at, ended_at) WITH &&) WHERE (state IN ('recorded',
        'pending_parent', 'pending_province', 'effective', 'disputed')),
    CONSTRAINT uq_service_record_no UNIQUE (no),
    CONSTRAINT fk_service_record_volunteer_id FOREIGN KEY(volunteer_id) REFERENCES volunteer (id),
    CONSTRAINT fk_service_record_task_id FOREIGN KEY(task_id) REFERENCES volunteer_task (id),
    CONSTRAINT fk_service_record_organization_id FOREIGN KEY(organization_id) REFERENCES
        organization (id),
    CONSTRAINT fk_service_record_parent_organization_id FOREIGN KEY(parent_organization_id)
        REFERENCES organization (id),
    CONSTRAINT fk_service_record_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT fk_service_record_check_in_id FOREIGN KEY(check_in_id) REFERENCES check_in (id),
    CONSTRAINT uq_service_record_corrects_id UNIQUE (corrects_id),
    CONSTRAINT fk_service_record_corrects_id FOREIGN KEY(corrects_id) REFERENCES service_record
        (id),
    CONSTRAINT ck_service_record_source_known CHECK (source IN ('scan', 'code', 'self_location',
        'manual_makeup', 'import')),
    CONSTRAINT ck_service_record_tier_known CHECK (tier IN ('none', 'parent', 'province')),
    CONSTRAINT ck_service_record_state_known CHECK (state IN ('recorded', 'pending_parent',
        'pending_province', 'effective', 'rejected', 'disputed', 'corrected', 'revoked'))
)
;
CREATE INDEX ix_service_record_area_code ON service_record (area_code)
;
CREATE INDEX ix_service_record_check_in_id ON service_record (check_in_id)
;
CREATE INDEX ix_service_record_created_at ON service_record (created_at, id)
;
CREATE INDEX ix_service_record_day ON service_record (volunteer_id, day_on)
;
CREATE INDEX ix_service_record_organization_id ON service_record (organization_id)
;
CREATE INDEX ix_service_record_parent_organization_id ON service_record (parent_organization_id)
;
CREATE INDEX ix_service_record_task_id ON service_record (task_id)
;
CREATE INDEX ix_service_record_volunteer_id ON service_record (volunteer_id)
;
CREATE INDEX ix_service_record_waiting ON service_record (organization_id, created_at) WHERE
    state IN ('recorded', 'pending_parent', 'pending_province')
;
CREATE TABLE certificate (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    volunteer_id UUID NOT NULL,
    organization_id UUID NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    from_on DATE NOT NULL,
    until_on DATE NOT NULL,
    total_minutes INTEGER NOT NULL,
    line_count INTEGER NOT NULL,
    publicity_from_on DATE,
    publicity_until_on DATE,
    supersedes_id UUID,
    prepared_by UUID NOT NULL,
    issued_at TIMESTAMP WITH TIME ZONE,
    issued_by UUID,
    code TEXT,
    snapshot_hash TEXT,
    ended_at TIMESTAMP WITH TIME ZONE,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_certificate PRIMARY KEY (id),
    CONSTRAINT ck_certificate_period CHECK (until_on > from_on),
    CONSTRAINT ck_certificate_not_empty CHECK (total_minutes > 0 AND line_count > 0),
    CONSTRAINT ck_certificate_handler_not_in_charge CHECK (issued_by IS DISTINCT FROM
        prepared_by),
    CONSTRAINT ck_certificate_issued_whole CHECK ((issued_at IS NULL) = (state IN ('prepared',
        'dropped')) AND (issued_at IS NULL) = (issued_by IS NULL) AND (issued_at IS NULL) =
        (code IS NULL) AND (issued_at IS NULL) = (snapshot_hash IS NULL)),
    CONSTRAINT ck_certificate_ended_whole CHECK ((ended_at IS NOT NULL) = (state IN ('dropped',
        'revoked', 'superseded')) AND (ended_at IS NULL OR state_reason IS NOT NULL)),
    CONSTRAINT ck_certificate_code_shape CHECK (code ~ '^[0-9A-HJKMNP-TV-Z]{26}$'),
    CONSTRAINT ck_certificate_hash_shape CHECK (snapshot_hash ~ '^[0-9a-f]{64}$'),
    CONSTRAINT ck_certificate_publicity CHECK ((publicity_from_on IS NULL) = (publicity_until_on
        IS NULL) AND publicity_until_on >= publicity_from_on + 7),
    CONSTRAINT ck_certificate_issued_after_publicity CHECK (publicity_until_on <= (issued_at AT
        TIME ZONE 'Asia/Shanghai')::date),
    CONSTRAINT uq_certificate_no UNIQUE (no),
    CONSTRAINT fk_certificate_volunteer_id FOREIGN KEY(volunteer_id) REFERENCES volunteer (id),
    CONSTRAINT fk_certificate_organization_id FOREIGN KEY(organization_id) REFERENCES
        organization (id),
    CONSTRAINT fk_certificate_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT fk_certificate_supersedes_id FOREIGN KEY(supersedes_id) REFERENCES certificate
        (id),
    CONSTRAINT fk_certificate_prepared_by FOREIGN KEY(prepared_by) REFERENCES account (id),
    CONSTRAINT fk_certificate_issued_by FOREIGN KEY(issued_by) REFERENCES account (id),
    CONSTRAINT uq_certificate_code UNIQUE (code),
    CONSTRAINT ck_certificate_state_known CHECK (state IN ('prepared', 'issued', 'dropped',
        'revoked', 'superseded'))
)
;
CREATE INDEX ix_certificate_area_code ON certificate (area_code)
;
CREATE INDEX ix_certificate_created_at ON certificate (created_at, id)
;
CREATE INDEX ix_certificate_issued_by ON certificate (issued_by)
;
CREATE INDEX ix_certificate_organization_id ON certificate (organization_id)
;
CREATE INDEX ix_certificate_prepared_by ON certificate (prepared_by)
;
CREATE INDEX ix_certificate_supersedes_id ON certificate (supersedes_id)
;
CREATE INDEX ix_certificate_volunteer_id ON certificate (volunteer_id)
;
CREATE UNIQUE INDEX uq_certificate_prepared ON certificate (organization_id, volunteer_id) WHERE
    state = 'prepared'
;
CREATE TABLE certificate_line (
    certificate_id UUID NOT NULL,
    record_id UUID NOT NULL,
    task_id UUID NOT NULL,
    day_on DATE NOT NULL,
    minutes INTEGER NOT NULL,
    CONSTRAINT pk_certificate_line PRIMARY KEY (certificate_id, record_id),
    CONSTRAINT ck_certificate_line_minutes_positive CHECK (minutes > 0),
    CONSTRAINT fk_certificate_line_certificate_id FOREIGN KEY(certificate_id) REFERENCES
        certificate (id),
    CONSTRAINT fk_certificate_line_record_id FOREIGN KEY(record_id) REFERENCES service_record
        (id),
    CONSTRAINT fk_certificate_line_task_id FOREIGN KEY(task_id) REFERENCES volunteer_task (id)
)
;
CREATE INDEX ix_certificate_line_record_id ON certificate_line (record_id)
;
CREATE INDEX ix_certificate_line_task_id ON certificate_line (task_id)
;
CREATE TABLE certificate_paper (
    id UUID NOT NULL,
    certificate_id UUID NOT NULL,
    reveal_id UUID NOT NULL,
    account_id UUID NOT NULL,
    link TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_certificate_paper PRIMARY KEY (id),
    CONSTRAINT fk_certificate_paper_certificate_id FOREIGN KEY(certificate_id) REFERENCES
        certificate (id),
    CONSTRAINT uq_certificate_paper_reveal_id UNIQUE (reveal_id),
    CONSTRAINT fk_certificate_paper_reveal_id FOREIGN KEY(reveal_id) REFERENCES
        vault.contact_reveal (id),
    CONSTRAINT fk_certificate_paper_account_id FOREIGN KEY(account_id) REFERENCES account (id)
)
;
CREATE INDEX ix_certificate_paper_account_id ON certificate_paper (account_id)
;
CREATE INDEX ix_certificate_paper_certificate_id ON certificate_paper (certificate_id)
;
CREATE INDEX ix_certificate_paper_created_at ON certificate_paper (created_at, id)
;
CREATE TABLE task_link (
    id UUID NOT NULL,
    task_id UUID NOT NULL,
    pledge_id UUID NOT NULL,
    line_id UUID NOT NULL,
    need_id UUID NOT NULL,
    organization_id UUID NOT NULL,
    minutes_a_unit INTEGER NOT NULL,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_task_link PRIMARY KEY (id),
    CONSTRAINT ck_task_link_minutes_a_unit_positive CHECK (minutes_a_unit > 0),
    CONSTRAINT fk_task_link_task_id FOREIGN KEY(task_id) REFERENCES volunteer_task (id),
    CONSTRAINT fk_task_link_pledge_id FOREIGN KEY(pledge_id) REFERENCES pledge (id),
    CONSTRAINT fk_task_link_line_id FOREIGN KEY(line_id) REFERENCES need_line (id),
    CONSTRAINT fk_task_link_need_id FOREIGN KEY(need_id) REFERENCES need (id),
    CONSTRAINT fk_task_link_organization_id FOREIGN KEY(organization_id) REFERENCES organization
        (id),
    CONSTRAINT ck_task_link_state_known CHECK (state IN ('linked', 'unlinked'))
)
;
CREATE INDEX ix_task_link_created_at ON task_link (created_at, id)
;
CREATE INDEX ix_task_link_line_id ON task_link (line_id)
;
CREATE INDEX ix_task_link_need_id ON task_link (need_id)
;
CREATE INDEX ix_task_link_organization_id ON task_link (organization_id)
;
CREATE INDEX ix_task_link_pledge_id ON task_link (pledge_id)
;
CREATE INDEX ix_task_link_task_id ON task_link (task_id)
;
CREATE UNIQUE INDEX uq_task_link_live ON task_link (pledge_id) WHERE state = 'linked'
;
CREATE TABLE hours_booking (
    id UUID NOT NULL,
    record_id UUID NOT NULL,
    place INTEGER NOT NULL,
    link_id UUID NOT NULL,
    delivery_id UUID,
    minutes INTEGER NOT NULL,
    quantity NUMERIC(14, 3) NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_hours_booking PRIMARY KEY (id),
    CONSTRAINT uq_hours_booking_record_id_place UNIQUE (record_id, place),
    CONSTRAINT ck_hours_booking_place_positive CHECK (place > 0),
    CONSTRAINT ck_hours_booking_minutes_positive CHECK (minutes > 0),
    CONSTRAINT ck_hours_booking_quantity_not_negative CHECK (quantity >= 0),
    CONSTRAINT fk_hours_booking_record_id FOREIGN KEY(record_id) REFERENCES service_record (id),
    CONSTRAINT fk_hours_booking_link_id FOREIGN KEY(link_id) REFERENCES task_link (id),
    CONSTRAINT uq_hours_booking_delivery_id UNIQUE (delivery_id),
    CONSTRAINT fk_hours_booking_delivery_id FOREIGN KEY(delivery_id) REFERENCES delivery (id)
)
;
CREATE INDEX ix_hours_booking_link_id ON hours_booking (link_id)
"""

FOLLOW = """
CREATE FUNCTION certificates_follow_records() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE certificate
    SET state = CASE WHEN state = 'prepared' THEN 'dropped'
                     WHEN NEW.state = 'revoked' THEN 'revoked' ELSE 'superseded' END,
        state_reason = 'record_' || NEW.state,
        ended_at = NEW.closed_at,
        version = version + 1
    WHERE state IN ('prepared', 'issued')
        AND id IN (SELECT certificate_id FROM certificate_line WHERE record_id = NEW.id);
    RETURN NULL;
END
$$
"""

FOLLOWS = """
CREATE TRIGGER certificates_follow_records AFTER UPDATE OF state ON service_record
FOR EACH ROW WHEN (NEW.state IN ('corrected', 'revoked') AND OLD.state <> NEW.state)
EXECUTE FUNCTION certificates_follow_records()
"""

SETTLED = """
CREATE FUNCTION task_hours_are_settled() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM service_record WHERE task_id = NEW.id
            AND state IN ('recorded', 'pending_parent', 'pending_province', 'disputed'))
        OR EXISTS (SELECT 1 FROM check_in WHERE task_id = NEW.id AND state = 'open')
    THEN
        RAISE EXCEPTION 'hours of the task are open'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inv_19_hours_settled',
                TABLE = 'volunteer_task';
    END IF;
    RETURN NEW;
END
$$
"""

SETTLES = """
CREATE TRIGGER volunteer_task_hours_settled BEFORE UPDATE OF state ON volunteer_task
FOR EACH ROW WHEN (NEW.state = 'hours_confirmed' AND OLD.state <> NEW.state)
EXECUTE FUNCTION task_hours_are_settled()
"""

OUT = "checked_out_at, out_source, out_area_code, checked_out_by, state, version"
JUDGED = (
    "tier, day_minutes, parent_over, province_over, rule, decided_at, decided_by, disputed_by, "
    "closed_at, state, state_reason, version"
)
ISSUED = "issued_at, issued_by, code, snapshot_hash, ended_at, state, state_reason, version"


def upgrade() -> None:
    """Tables, the trigger that marks certificates, and grants."""
    run = op.get_bind().exec_driver_sql
    for statement in TABLES.split("\n;\n"):
        run(statement)
    for statement in (
        FOLLOW,
        "REVOKE ALL ON FUNCTION certificates_follow_records() FROM PUBLIC",
        FOLLOWS,
        SETTLED,
        "REVOKE ALL ON FUNCTION task_hours_are_settled() FROM PUBLIC",
        SETTLES,
        "REVOKE UPDATE, DELETE ON check_in, service_record, certificate, certificate_line, "
        "certificate_paper, task_link, hours_booking FROM nexus_app",
        f"GRANT UPDATE ({OUT}) ON check_in TO nexus_app",
        f"GRANT UPDATE ({JUDGED}) ON service_record TO nexus_app",
        f"GRANT UPDATE ({ISSUED}) ON certificate TO nexus_app",
        "GRANT UPDATE (state, state_reason, version) ON task_link TO nexus_app",
        *(
            f"CREATE TRIGGER {table}_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
            f"ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            for table in ("certificate_line", "certificate_paper", "hours_booking")
        ),
    ):
        run(statement)
