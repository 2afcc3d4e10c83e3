import { sql } from 'kysely';
import { entityNames, kindsOf, type EntityName } from '#lib/shared/entities.ts';
import { badInput } from '#lib/shared/errors.ts';
import { seenSql } from '../access.ts';
import type { Context } from '../trpc.ts';
import { lookUp } from './lookup.ts';
import { minorUnits } from './money.ts';
import { moneyColumns } from './shapes.ts';
import type { JsonSchema, Operation } from './operations.ts';
import type { RestRequest } from './route.ts';

/** What other systems call our fields, by entity. */
const otherNames: Record<string, Readonly<Record<string, string>>> = {
  deals: {
    customer: 'customerId',
    pipeline: 'pipelineId',
    stage: 'stageId',
    assignedTo: 'ownerId',
    owner: 'ownerId',
    expectedCloseDate: 'expectedCloseOn',
    status: 'state',
  },
  customers: {
    customerType: 'type',
    companyName: 'company',
    assignedTo: 'ownerId',
    owner: 'ownerId',
  },
  stages: { pipeline: 'pipelineId' },
  activities: {
    type: 'kind',
    deal: 'dealId',
    customer: 'customerId',
    description: 'body',
    scheduledAt: 'dueAt',
    assignedTo: 'ownerId',
  },
  dealProducts: { deal: 'dealId', product: 'productId', price: 'unitPrice' },
};
const pagingNames = { pageSize: 'perPage', limit: 'perPage' };

/** A request with its fields named and written as the procedure wants them. */
export async function readValues(
  { entity, input, route }: Operation,
  { params, query, body }: RestRequest,
  context: Context,
): Promise<RestRequest> {
  const properties = input.properties ?? {};
  const names = { ...otherNames[entity], ...pagingNames, ...route.alsoKnownAs };
  const named = rename(unfold(entity, body), names, properties);
  return {
    params,
    query: readQuery(rename(query, names, properties), properties),
    body: await readMoney(entity, { params, body: readKinds(entity, named) }, properties, context),
  };
}

/** What one of our names was called in the request, so that an error can name it so. */
export function nameInRequest(
  { entity, route }: Operation,
  { query, body }: Pick<RestRequest, 'query' | 'body'>,
  name: string,
): string {
  const names: Record<string, string> = {
    ...otherNames[entity],
    ...pagingNames,
    ...route.alsoKnownAs,
  };
  const given = Object.keys({ ...query, ...body });
  const isIt = (other: string) => camelCase(other) === name || names[camelCase(other)] === name;
  return given.find((other) => other === name) ?? given.find(isIt) ?? name;
}

type Fields = Record<string, unknown>;
type Properties = Record<string, JsonSchema>;

function rename(
  fields: Fields,
  names: Readonly<Record<string, string>>,
  properties: Properties,
): Fields {
  const taken = new Set(Object.keys(fields).map(camelCase));
  return Object.fromEntries(
    Object.entries(fields).map(([given, value]) => {
      const name = camelCase(given);
      const ours = Object.hasOwn(names, name) ? names[name] : undefined;
      const isMeant = ours !== undefined && !Object.hasOwn(properties, name) && !taken.has(ours);
      return [isMeant ? ours : name, value];
    }),
  );
}

/** `created_at` is `createdAt`; what is neither stays as it is, so that an error can name it. */
const camelCase = (name: string): string =>
  /^[a-z][a-z0-9]*(_[a-z0-9]+)+$/.test(name)
    ? name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
    : name;

/** An address may come as one object. */
function unfold(entity: string, { address, ...fields }: Fields): Fields {
  if (address === undefined) return fields;
  const isOne =
    entity === 'customers' &&
    typeof address === 'object' &&
    address !== null &&
    !Array.isArray(address);
  if (!isOne) return { ...fields, address };
  const parts = Object.entries(address).map(([name, value]): [string, unknown] => [
    camelCase(name),
    value,
  ]);
  return { ...Object.fromEntries(parts), ...fields };
}

function readQuery(query: Fields, properties: Properties): Fields {
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => {
      const schema = Object.hasOwn(properties, name) ? properties[name] : undefined;
      return [name, typeof value === 'string' && schema ? readText(value, typesOf(schema)) : value];
    }),
  );
}

function readText(text: string, types: Set<string>): unknown {
  if (types.has('null') && (text === 'null' || text === '')) return null;
  if (types.has('integer') && /^-?\d{1,16}$/.test(text)) return Number(text);
  if (types.has('boolean') && /^(true|1)$/i.test(text)) return true;
  if (types.has('boolean') && /^(false|0)$/i.test(text)) return false;
  return types.has('array') ? text.split(',') : text;
}

function typesOf({ type, anyOf = [] }: JsonSchema): Set<string> {
  return new Set([...[type ?? []].flat(), ...anyOf.flatMap((one) => [...typesOf(one)])]);
}

/** Times come as ISO 8601, decimals as text or number. */
function readKinds(entity: string, body: Fields): Fields {
  if (!isEntity(entity)) return body;
  const kinds = kindsOf(entity);
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => {
      const kind = Object.hasOwn(kinds, name) ? kinds[name]?.replace('?', '') : undefined;
      if (kind === 'time' && typeof value === 'string') return [name, momentOf(name, value)];
      if (kind === 'decimal' && typeof value === 'number') return [name, String(value)];
      return [name, value];
    }),
  );
}

function momentOf(name: string, text: string): number {
  const isIso = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?$/.test(
    text,
  );
  const zone = /T|\s/.test(text) && !/(Z|[+-]\d\d:?\d\d)$/.test(text) ? 'Z' : '';
  const moment = isIso ? Date.parse(text + zone) : NaN;
  if (Number.isNaN(moment)) throw badInput(name, 'invalidTime');
  return moment;
}

/** Amounts come as `{amount, currency}`, or bare in the currency of the body, the record, the organization. */
async function readMoney(
  entity: string,
  { params, body }: Pick<RestRequest, 'params' | 'body'>,
  properties: Properties,
  context: Context,
): Promise<Fields> {
  const { minor = [], decimal = [] } = moneyColumns[entity] ?? {};
  const fields = { ...body };
  for (const name of [...minor, ...decimal]) {
    const given = fields[name];
    if (given === undefined || given === null || !Object.hasOwn(properties, name)) continue;
    const { amount, currency } = amountOf(name, given);
    if (currency !== undefined) {
      if (Object.hasOwn(properties, 'currency')) fields['currency'] ??= currency;
      const own = fields['currency'] ?? (await currencyOf(entity, params['id'], context));
      if (own !== currency) throw badInput(`${name}.currency`, 'otherCurrency');
    }
    fields[name] = minor.includes(name)
      ? inMinorUnits(
          name,
          amount,
          fields['currency'] ?? (await currencyOf(entity, params['id'], context)),
        )
      : String(amount);
  }
  return fields;
}

function amountOf(name: string, given: unknown): { amount: unknown; currency?: string } {
  if (typeof given !== 'object' || given === null) return { amount: given };
  const { amount, currency, ...rest } = given as Fields;
  if (typeof currency !== 'string' || Array.isArray(given))
    throw badInput(`${name}.currency`, 'required');
  if (Object.keys(rest).length > 0)
    throw badInput(`${name}.${Object.keys(rest)[0] ?? ''}`, 'unknown');
  return { amount, currency };
}

function inMinorUnits(name: string, amount: unknown, currency: unknown): number {
  const minor = typeof currency === 'string' ? minorUnits(amount, currency) : undefined;
  if (minor === undefined) throw badInput(name, 'invalidAmount');
  return minor;
}

async function currencyOf(
  entity: string,
  id: string | undefined,
  context: Context,
): Promise<string> {
  const { member } = context;
  const currency = await lookUp(context, async (tx) => {
    const record =
      id && member && isEntity(entity)
        ? await sql<{ currency: string }>`
            select currency from ${sql.table(entity)}
            where id::text = ${id.toLowerCase()}
              and ${seenSql(member, entity)}`.execute(tx)
        : undefined;
    const own = await tx.selectFrom('organizations').select('currency').executeTakeFirst();
    return record?.rows[0]?.currency ?? own?.currency;
  });
  return currency ?? 'USD';
}

const isEntity = (name: string): name is EntityName =>
  entityNames.some((entity) => entity === name);
