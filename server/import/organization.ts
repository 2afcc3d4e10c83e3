import { type Connection, connectAsOwner } from '#db/connect.ts';
import { read } from '../live/transaction.ts';
import { UsageError } from './arguments.ts';

export interface ImportOrganization {
  id: string;
  name: string;
  slug: string;
  currency: string;
}

/** The organization of an address; without one the only organization there is, else the demo's. */
export async function findOrganization(
  { pool }: Pick<Connection, 'pool'>,
  { slug, ownerUrl }: { slug: string | undefined; ownerUrl: string | undefined },
): Promise<ImportOrganization> {
  const slugs = slug === undefined && ownerUrl ? await listSlugs(ownerUrl) : [];
  const wanted = slug ?? (slugs.length === 1 ? slugs[0] : slugs.find((one) => one === 'demo'));
  if (wanted === undefined) {
    const known =
      slugs.length > 0 ? `There are ${slugs.join(', ')}.` : 'Start the server once to make one.';
    throw new UsageError(`Which organization? Say --organization. ${known}`);
  }
  const { rows } = await pool.query<{ id: string | null }>(
    'select platform.organization_by_slug($1) as id',
    [wanted],
  );
  const id = rows[0]?.id;
  if (!id) throw new UsageError(`There is no organization ${wanted}.`);
  return read(pool, { organizationId: id }, (tx) =>
    tx
      .selectFrom('organizations')
      .select(['id', 'name', 'slug', 'currency'])
      .where('id', '=', id)
      .executeTakeFirstOrThrow(),
  );
}

async function listSlugs(url: string): Promise<string[]> {
  const { pool, close } = connectAsOwner({ url, max: 1, name: 'import' });
  const client = await pool.connect();
  try {
    // The application sees one organization at a time; this role may look at all of them.
    await client.query('set role syncline_log');
    const { rows } = await client.query<{ slug: string }>(
      'select slug from crm.organizations where is_active order by created_at limit 20',
    );
    return rows.map((row) => row.slug);
  } finally {
    client.release(true);
    await close();
  }
}
