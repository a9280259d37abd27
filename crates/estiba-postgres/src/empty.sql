-- Whoever holds a table for long keeps it.
SET LOCAL lock_timeout = '30s';
DO $$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT nspname FROM pg_namespace
        WHERE pg_has_role(current_user, nspowner, 'USAGE')
          AND nspname <> 'public' AND nspname <> 'information_schema' AND nspname NOT LIKE 'pg\_%'
          AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_namespace.oid AND deptype = 'e')
    LOOP
        EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', one.nspname);
    END LOOP;
    FOR one IN
        SELECT relname, relkind FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
          AND pg_has_role(current_user, relowner, 'USAGE')
          AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')
    LOOP
        EXECUTE format(
            'DROP %s IF EXISTS public.%I CASCADE',
            CASE one.relkind
                WHEN 'v' THEN 'VIEW'
                WHEN 'm' THEN 'MATERIALIZED VIEW'
                WHEN 'f' THEN 'FOREIGN TABLE'
                WHEN 'S' THEN 'SEQUENCE'
                ELSE 'TABLE'
            END,
            one.relname
        );
    END LOOP;
    FOR one IN
        SELECT proname, pg_get_function_identity_arguments(oid) AS arguments FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
          AND pg_has_role(current_user, proowner, 'USAGE')
          AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
    LOOP
        EXECUTE format('DROP ROUTINE IF EXISTS public.%I(%s) CASCADE', one.proname, one.arguments);
    END LOOP;
    FOR one IN
        SELECT typname FROM pg_type
        WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd', 'r')
          AND pg_has_role(current_user, typowner, 'USAGE')
          AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_type.oid AND deptype = 'e')
    LOOP
        EXECUTE format('DROP TYPE IF EXISTS public.%I CASCADE', one.typname);
    END LOOP;
END
$$;
