import type pg from 'pg';

// owner owns the tables, log owns the capture functions and writes the log, app is the application.
const ROLES = ['syncline_owner', 'syncline_log', 'syncline_app'] as const;

/** The roles are missing and this login may not make them: the message has the script to run. */
export class RolesMissing extends Error {}

/** Makes the roles that the migrations stand on, and lets the login act as each of them. */
export async function ensureRoles(client: pg.Client): Promise<void> {
  if (await hasRoles(client)) return;
  try {
    for (const role of await missingRoles(client))
      await client.query(`create role ${role} nologin`);
    await client.query(await grants(client));
  } catch (error) {
    if (!isRefusal(error)) throw error;
    throw new RolesMissing(await explain(client));
  }
  if (!(await hasRoles(client))) throw new RolesMissing(await explain(client));
}

async function missingRoles(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ rolname: string }>('select rolname from pg_roles');
  return ROLES.filter((role) => !rows.some(({ rolname }) => rolname === role));
}

async function hasRoles(client: pg.Client): Promise<boolean> {
  try {
    for (const role of ROLES) await client.query(`set role ${role}`);
    const { rows } = await client.query<{ may: boolean }>(
      `select has_database_privilege('syncline_owner', current_database(), 'create') as may`,
    );
    return rows[0]?.may === true;
  } catch (error) {
    if (isRefusal(error)) return false;
    throw error;
  } finally {
    await client.query('reset role');
  }
}

async function grants(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ login: string; base: string }>(
    `select quote_ident(session_user) as login, quote_ident(current_database()) as base`,
  );
  const { login = '', base = '' } = rows[0] ?? {};
  return [
    `grant ${ROLES.join(', ')} to ${login};`,
    `grant create on database ${base} to syncline_owner, ${login};`,
  ].join('\n');
}

async function explain(client: pg.Client): Promise<string> {
  return [
    'The login of DATABASE_URL may not make the roles that Syncline needs.',
    'Let an administrator of the database run this once, then start again:',
    '',
    ...(await missingRoles(client)).map((role) => `create role ${role} nologin;`),
    await grants(client),
    '-- and, for a login of its own for the application (DATABASE_APP_URL):',
    "-- create role syncline_web login password '…'; grant syncline_app to syncline_web;",
    '',
  ].join('\n');
}

// insufficient_privilege, undefined_object, invalid_parameter_value (no such role), invalid_grant_operation
function isRefusal(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return ['42501', '42704', '22023', '0LP01'].includes(code);
}
