import { newId } from '#lib/shared/ids.ts';
import type { Tx } from '../live/transaction.ts';
import { Names, productKey } from './names.ts';
import { externalIdOf, type ImportContext, type Write, type WrittenTable } from './plan.ts';
import { Problem } from './values.ts';

/** Whom and what rows may name, loaded once; what the import itself makes is added on the way. */
export class Directory {
  readonly customers = new Names();
  readonly members = new Names();
  readonly products = new Names(productKey);
  readonly teams = new Names();
  readonly roles = new Names();
  /** How many records were made because rows named them. */
  readonly made = new Map<WrittenTable, number>();
  #setup: Write[] = [];

  takeSetup(): Write[] {
    const setup = this.#setup;
    this.#setup = [];
    return setup;
  }

  make(
    table: 'customers' | 'members' | 'products' | 'teams',
    name: string,
    values: object,
  ): string {
    const id = newId();
    this.#setup.push({ table, id, isNew: true, values: { name, ...values } });
    this.made.set(table, (this.made.get(table) ?? 0) + 1);
    this[table].add(name, id);
    return id;
  }

  roleId(slug: string): string {
    const id = this.roles.find(slug);
    if (typeof id !== 'string') throw new Error(`The organization has no role ${slug}`);
    return id;
  }

  customerOf(context: ImportContext, name: string): string | Problem {
    const values = { code: '', type: 'business' };
    return this.#find(context, 'customers', name) ?? this.make('customers', name, values);
  }

  productOf(context: ImportContext, name: string): string | Problem {
    const values = { currency: context.currency };
    return this.#find(context, 'products', name) ?? this.make('products', name, values);
  }

  memberOf(context: ImportContext, name: string): string | Problem {
    const found = this.#find(context, 'members', name);
    return found ?? this.make('members', name, { roleId: this.roleId('sales') });
  }

  #find(
    context: ImportContext,
    table: 'customers' | 'members' | 'products',
    name: string,
  ): string | Problem | undefined {
    const found = this[table].find(name) ?? this[table].find(externalIdOf(context, name));
    if (found !== undefined || context.createMissing) return found;
    return new Problem(`there is no ${singular[table]} “${name}”; --create-missing makes it`);
  }
}

const singular = { customers: 'customer', members: 'member', products: 'product' };

export async function loadDirectory(tx: Tx, { organizationId }: ImportContext): Promise<Directory> {
  const directory = new Directory();
  const known = [
    [directory.customers, await load(tx, organizationId, 'customers')],
    [directory.members, await loadMembers(tx, organizationId)],
    [directory.products, await load(tx, organizationId, 'products')],
    [directory.teams, await load(tx, organizationId, 'teams')],
  ] as const;
  for (const [names, rows] of known) {
    for (const { id, name } of rows) names.add(name, id);
    // A file may name a member by address.
    for (const row of rows) if ('email' in row && row.email !== null) names.add(row.email, row.id);
    for (const { id, externalId } of rows) if (externalId !== null) names.add(externalId, id);
  }
  const roles = await tx
    .selectFrom('roles')
    .select(['id', 'name', 'slug'])
    .where('organizationId', '=', organizationId)
    .execute();
  for (const { id, name, slug } of roles) {
    directory.roles.add(slug, id);
    directory.roles.add(name, id);
  }
  return directory;
}

const loadMembers = (tx: Tx, organizationId: string) =>
  tx
    .selectFrom('members')
    .select(['id', 'name', 'email', 'externalId'])
    .where('organizationId', '=', organizationId)
    .execute();

function load(
  tx: Tx,
  organizationId: string,
  table: 'customers' | 'products' | 'teams',
): Promise<{ id: string; name: string; externalId: string | null }[]> {
  return tx
    .selectFrom(table)
    .select(['id', 'name', 'externalId'])
    .where('organizationId', '=', organizationId)
    .execute();
}
