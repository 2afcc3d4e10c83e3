import { entityNames, type EntityName } from '#lib/shared/entities.ts';
import { acts, type ActivityFilter } from './activity.svelte.ts';

const isId = (value: string | null): value is string => /^[0-9a-f-]{36}$/.test(value ?? '');

/** The filter that stands in an address; what cannot be understood is left out. */
export function filterOf(params: Pick<URLSearchParams, 'get'>): ActivityFilter {
  const actor = params.get('actor');
  const entity = entityNames.find((name) => name === params.get('entity'));
  const action = acts.find((name) => name === params.get('action'));
  const field = params.get('field');
  const run = params.get('run');
  return {
    ...(isId(actor) && { actor }),
    ...(entity && { entity }),
    ...(action && { action }),
    ...(field && { field: field.slice(0, 50) }),
    ...(run && { run }),
  };
}

export const searchOf = (filter: ActivityFilter): string =>
  new URLSearchParams(filter as Record<string, string>).toString();

/** Kinds of records and fields that can be asked for. */
export const kinds = [
  'deals',
  'customers',
  'activities',
  'products',
  'dealProducts',
  'pipelines',
  'stages',
  'members',
  'roles',
] as const satisfies readonly EntityName[];

export const fields = [
  'stageId',
  'value',
  'ownerId',
  'expectedCloseOn',
  'title',
  'name',
  'status',
  'customerId',
  'tags',
] as const;
