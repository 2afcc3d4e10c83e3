import type { RestRoute } from './route.ts';

type Verb = 'list' | 'get' | 'create' | 'update' | 'delete';

/** The usual routes of a resource. */
export function crud(
  path: string,
  { one, many }: { one: string; many: string },
): Record<Verb, RestRoute[]> {
  const record = `${path}/{id}`;
  const capital = one.charAt(0).toUpperCase() + one.slice(1);
  return {
    list: [{ method: 'GET', path, summary: `List ${many}` }],
    get: [{ method: 'GET', path: record, summary: `Read one ${one}` }],
    create: [{ method: 'POST', path, summary: `Make a ${one}`, message: `${capital} created` }],
    update: (['PATCH', 'PUT'] as const).map((method) => ({
      method,
      path: record,
      summary: `Change a ${one}; what is left out stays`,
      message: `${capital} changed`,
    })),
    delete: [
      {
        method: 'DELETE',
        path: record,
        summary: `Delete a ${one}`,
        message: `${capital} deleted`,
        output: (answer: object) => {
          const message = `${capital} deleted`;
          return { data: { ...answer, message }, message };
        },
      },
    ],
  };
}

/** An act upon one record, as a POST below it. */
export function act(path: string, summary: string, more: Partial<RestRoute> = {}): RestRoute {
  return { method: 'POST', path, summary, status: 200, ...more };
}
