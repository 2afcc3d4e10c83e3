import type { PoolClient } from 'pg';
import { everyScope } from '#lib/shared/api-keys.ts';
import { levelOf, type Access } from '#lib/shared/standing.ts';
import { Outdated, type Proof } from '../live/commit.ts';
import { write } from '../live/transaction.ts';
import { personOfUser, type AuthParts, type Person } from './person.ts';
import { fingerprint, newSecret } from './secrets.ts';

const mark = 'syncline_';
const shown = mark.length + 8;

export const newKey = (): string => `${mark}${newSecret()}`;

/** The first letters, by which people tell one key from another. */
export const prefixOf = (key: string): string => key.slice(0, shown);

const isKey = (key: string): boolean => key.startsWith(mark) && key.length < 100;

export interface FoundKey {
  keyId: string;
  organizationId: string;
  /** With the one membership that the key is for, and no right there that it does not name. */
  person: Person;
  /** Whether the key and all that its person may are still as they were found. */
  proof: Proof;
}

/** Undefined for a key that is unknown, revoked or expired, and for one whose person is no member any more. */
export async function findKey(parts: AuthParts, key: string): Promise<FoundKey | undefined> {
  if (!isKey(key)) return undefined;
  const hash = fingerprint(key);
  const row = await ask(parts.pool, hash);
  if (!row) return undefined;
  const person = narrowed(JSON.parse(row.person) as Person, row);
  if (person.memberships.length === 0) return undefined;
  // A use that cannot be noted must not keep a good key from its work.
  if (!row.is_fresh)
    await noteUse(parts, row).catch((err: unknown) =>
      parts.log.warn({ err }, 'the use of a key could not be noted'),
    );
  const proof: Proof = {
    isGiven: true,
    async check(client) {
      const now = await ask(client, hash);
      proof.isGiven = now?.person === row.person;
      if (!proof.isGiven) throw new Outdated();
    },
  };
  return { keyId: row.id, organizationId: row.organization_id, person, proof };
}

interface KeyRow {
  organization_id: string;
  id: string;
  scopes: string[];
  is_fresh: boolean;
  /** As the database words it. */
  person: string;
}

async function ask(client: Pick<PoolClient, 'query'>, hash: Buffer): Promise<KeyRow | undefined> {
  const { rows } = await client.query<KeyRow>(
    `select k.organization_id, k.id, k.scopes, ${personOfUser}::text as person,
        coalesce(k.used_at > now() - interval '1 minute', false) as is_fresh
      from platform.api_key_of($1) k join platform.users u on u.id = k.user_id and u.is_active`,
    [hash],
  );
  return rows[0];
}

function narrowed(person: Person, { organization_id: only, scopes }: KeyRow): Person {
  const memberships = person.memberships
    .filter(({ organizationId }) => organizationId === only)
    .map((membership) => ({ ...membership, access: within(membership.access, scopes) }));
  return { ...person, memberships };
}

/** The rights of a role that are among the scopes, as far as the role reaches. */
function within(access: Access, scopes: string[]): Access {
  const kept: Access = {};
  for (const scope of everyScope.filter((one) => scopes.includes(one))) {
    const [resource = '', action = ''] = scope.split('.');
    kept[resource] = { ...kept[resource], [action]: levelOf({ access }, scope) };
  }
  return kept;
}

const noteUse = ({ pool }: AuthParts, { organization_id: organizationId, id }: KeyRow) =>
  write(pool, { organizationId }, (_, client) =>
    client.query(
      `insert into crm.api_key_uses as u (organization_id, key_id) values ($1, $2)
       on conflict (organization_id, key_id) do update set at = now()
         where u.at < now() - interval '1 minute'`,
      [organizationId, id],
    ),
  );

/** What a key may call though the catalog has no permission for it: each looks at the rights by itself. */
const alsoOpen = new Set([
  'auth.me',
  'auth.register',
  'organizations.get',
  'roles.mine',
  'roles.permissions',
  'timeline.ofOrganization',
  'timeline.ofRecord',
  'trash.list',
  'trash.restore',
  'undo.preview',
  'undo.run',
]);

/** A key is for records: not for sign-ins and passwords, nor for what is a person's own, nor for keys. */
export const isForKeys = (path: string, permission: string): boolean =>
  alsoOpen.has(path) || everyScope.some((scope) => scope === permission);
