import type { Pool } from 'pg';

/** Tables that have no organization, and why each may do without. */
const platformTables: Record<string, string> = {
  'platform.migrations': 'which migrations have run; the application may not even read it',
  'platform.jobs': 'when the work of the clock is due, for no organization in particular',
  'platform.users': 'people stand above organizations; memberships are rows of crm.members',
  'platform.sessions': 'belongs to a person, found by the hash of a secret alone',
  'platform.refresh_tokens': 'belongs to a person, found by the hash of a secret alone',
  'platform.account_links': 'belongs to a person, found by the hash of a secret alone',
  'platform.push_subscriptions': 'belongs to a person, as long as one of his sessions',
  'platform.throttles': 'counts tries by key, before anybody is known',
  'sync.state': 'one row: which life of the database this is',
  'sync.readers': 'which readers of the log there are: the same for everybody',
  'sync.tracked': 'which tables are tracked: the same for everybody',
};

/** Policies that let somebody see past the organization, and why. */
const widePolicies: Record<string, string> = {
  'sync.org_clock writer': 'the owner of the capture functions takes positions',
  'sync.change_tx writer': 'the owner of the capture functions takes positions',
  'sync.change_log writer': 'the owner of the capture functions writes the log',
  'sync.mutations writer': 'the owner of the capture functions removes what is 90 days old',
  'sync.reader_cursors writer':
    'where readers stand, over organizations; what they read is not in it',
  'sync.reader_poison writer': 'how much they have set aside',
  'crm.organizations lookup':
    'memberships_of, invitation_of, organization_by_slug, before an organization is known',
  'crm.members lookup': 'memberships_of, before an organization is known',
  'crm.roles lookup': 'memberships_of, before an organization is known',
  'crm.invitations lookup': 'invitation_of, found by the hash of a secret alone',
  'crm.api_keys lookup': 'api_key_of, found by the hash of a secret alone',
  'crm.api_key_uses lookup': 'api_key_of, of the key that was found',
};

/** Keys that are unique over organizations, and why that tells nobody anything they may not know. */
const wideKeys: Record<string, string> = {
  'crm.organizations organizations_pkey': 'the id of the organization itself',
  'crm.organizations organizations_slug_key': 'addresses are public',
  'crm.invitations invitations_token_hash_key': 'the hash of a random secret',
  'crm.api_keys api_keys_secret_hash_key': 'the hash of a random secret',
};

/** Foreign keys without the organization, and why. */
const wideReferences: Record<string, string> = {
  'crm.members members_user_id_fkey': 'points at a person, who has no organization',
  'crm.notification_pushes notification_pushes_subscription_id_fkey':
    'points at a browser of a person, who has no organization',
};

/** Functions that run as their owner, beside those that answer before an organization is known. */
const definerFunctions = [
  'platform.api_key_of',
  'platform.invitation_of',
  'platform.is_only_in',
  'platform.memberships_of',
  'platform.organization_by_slug',
  'sync.capture',
  'sync.head',
  'sync.is_unread',
  'sync.moved',
  'sync.read_log',
  'sync.reader_state',
  'sync.stamp',
  'sync.start_reader',
];

/** What is wrong with the fences of a migrated database; empty when nothing is. */
export async function catalogFindings(pool: Pool): Promise<string[]> {
  const found = await Promise.all(
    checks.map(({ sql, allowed = {} }) =>
      pool
        .query<{ finding: string; name: string }>(sql)
        .then(({ rows }) => rows.filter(({ name }) => !Object.hasOwn(allowed, name))),
    ),
  );
  return found
    .flat()
    .map(({ finding, name }) => `${name}: ${finding}`)
    .sort();
}

/** An allowance for something that is not there hides the next thing of its name. */
export async function idleAllowances(pool: Pool): Promise<string[]> {
  const idle: string[] = [];
  for (const { sql, allowed = {} } of checks) {
    const { rows } = await pool.query<{ name: string }>(sql);
    const names = new Set(rows.map(({ name }) => name));
    idle.push(...Object.keys(allowed).filter((name) => !names.has(name)));
  }
  return idle;
}

interface Check {
  /** Answers `name` and `finding`. */
  sql: string;
  allowed?: Record<string, string>;
}

const schemas = `('crm', 'sync', 'platform', 'public')`;
const ours = `c.relnamespace::regnamespace::text in ${schemas}`;
/** A partition is read through its parent, whose policies count; of itself nobody may read it. */
const tables = `pg_class c where c.relkind in ('r', 'p') and ${ours}`;
const named = `c.relnamespace::regnamespace::text || '.' || c.relname`;
/** The platform’s own tables stand above organizations, whatever columns they have. */
const hasOrganization = `c.relnamespace <> 'platform'::regnamespace and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'organization_id' and not a.attisdropped)`;

const checks: Check[] = [
  {
    sql: `select ${named} as name, 'has no organization_id' as finding from ${tables} and not (${hasOrganization})`,
    allowed: platformTables,
  },
  {
    sql: `select ${named} as name, 'row security is not forced' as finding from ${tables} and not c.relispartition
      and ${hasOrganization} and not (c.relrowsecurity and c.relforcerowsecurity)`,
  },
  {
    sql: `select ${named} as name, 'a partition can be reached past its parent' as finding from ${tables} and c.relispartition
      and (has_table_privilege('syncline_app', c.oid, 'select, insert, update, delete'))`,
  },
  {
    sql: `select ${named} as name, 'the application has no policy by organization' as finding from ${tables} and not c.relispartition
      and ${hasOrganization} and not exists (select from pg_policy p where p.polrelid = c.oid
        and 'syncline_app'::regrole = any (p.polroles)
        and pg_get_expr(p.polqual, p.polrelid) = '(organization_id = ( SELECT sync.org() AS org))'
        and (p.polcmd = 'r' or pg_get_expr(p.polwithcheck, p.polrelid) = '(organization_id = ( SELECT sync.org() AS org))'))`,
  },
  {
    sql: `select ${named} || ' ' || p.polname as name, 'a policy is not by organization' as finding
      from pg_policy p join pg_class c on c.oid = p.polrelid where ${ours}
      and (pg_get_expr(p.polqual, p.polrelid) is distinct from '(organization_id = ( SELECT sync.org() AS org))'
        or (p.polcmd <> 'r' and pg_get_expr(p.polwithcheck, p.polrelid) is distinct from '(organization_id = ( SELECT sync.org() AS org))')
        or p.polroles = '{0}')`,
    allowed: widePolicies,
  },
  {
    sql: `select ${named} || ' ' || p.polname as name, 'a policy past the organization is for the application' as finding
      from pg_policy p join pg_class c on c.oid = p.polrelid where ${ours}
      and pg_get_expr(p.polqual, p.polrelid) = 'true' and 'syncline_log'::regrole <> all (p.polroles)`,
  },
  {
    sql: `select ${named} || ' ' || i.relname as name, 'unique without the organization' as finding
      from pg_index x join pg_class c on c.oid = x.indrelid join pg_class i on i.oid = x.indexrelid
      where ${ours} and x.indisunique and ${hasOrganization} and not c.relispartition
        and not exists (select from unnest(x.indkey::int2[]) k join pg_attribute a on a.attrelid = c.oid and a.attnum = k
          where a.attname = 'organization_id')`,
    allowed: wideKeys,
  },
  {
    sql: `select ${named} || ' ' || f.conname as name, 'a foreign key without the organization' as finding
      from pg_constraint f join pg_class c on c.oid = f.conrelid where f.contype = 'f' and ${ours} and ${hasOrganization}
        and not exists (select from unnest(f.conkey) k join pg_attribute a on a.attrelid = c.oid and a.attnum = k
          where a.attname = 'organization_id')`,
    allowed: wideReferences,
  },
  {
    sql: `select r.rolname as name, 'may look past row security' as finding from pg_roles r
      where r.rolname like 'syncline\\_%' and (r.rolsuper or r.rolbypassrls or r.rolcanlogin)`,
  },
  {
    sql: `select ${named} as name, 'belongs to the application' as finding from pg_class c
      where ${ours} and c.relowner = 'syncline_app'::regrole`,
  },
  {
    sql: `select 'syncline_app' as name, 'is a member of ' || r.rolname as finding from pg_roles r
      where r.rolname in ('syncline_owner', 'syncline_log') and pg_has_role('syncline_app', r.oid, 'member')`,
  },
  {
    sql: `select p.oid::regproc::text as name, 'runs as its owner, who is not on the list' as finding from pg_proc p
      where p.prosecdef and p.pronamespace::regnamespace::text in ${schemas}`,
    allowed: Object.fromEntries(
      definerFunctions.map((name) => [
        name,
        'answers before an organization is known, or writes the log',
      ]),
    ),
  },
  {
    sql: `select p.oid::regproc::text as name, 'runs as its owner without a fixed search_path' as finding from pg_proc p
      where p.prosecdef and p.pronamespace::regnamespace::text in ${schemas}
        and not exists (select from unnest(p.proconfig) s where s = 'search_path=pg_catalog, pg_temp')`,
  },
  {
    sql: `select p.oid::regproc::text as name, 'runs as its owner, for anybody' as finding from pg_proc p
      where p.prosecdef and p.pronamespace::regnamespace::text in ${schemas}
        and has_function_privilege('public', p.oid, 'execute')`,
  },
  {
    sql: `select ${named} as name, 'a view that looks past row security' as finding from pg_class c
      where c.relkind in ('v', 'm') and ${ours} and coalesce(not 'security_invoker=true' = any (c.reloptions), true)`,
  },
];
