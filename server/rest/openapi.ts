import { entityNames, kindsOf, type EntityName } from '#lib/shared/entities.ts';
import { isForKeys } from '../auth/api-keys.ts';
import { addressColumns, moneyColumns } from './shapes.ts';
import type { JsonSchema, Operation } from './operations.ts';

/** OpenAPI 3.1 of the operations, from the schemas that the procedures check. */
export function openApi(operations: Operation[]): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of operations) {
    const { method, path } = operation.route;
    paths[path] = { ...paths[path], [method.toLowerCase()]: describe(operation) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Syncline', version: '1.0.0', description: about },
    servers: [{ url: '/api/v1' }],
    security: [{ key: [] }, ...withoutKey],
    tags: [...new Set(operations.map(({ entity }) => entity))].map((name) => ({ name })),
    paths: Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1))),
    components: {
      securitySchemes: {
        key: {
          type: 'apiKey',
          in: 'header',
          name: 'X-API-Key',
          description: 'Made in Settings → API keys; acts as its member, within its scopes',
        },
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: 'syncline',
          description: 'With the header X-Syncline: 1; __Host-syncline over https',
        },
      },
      schemas: {
        ...common,
        ...Object.fromEntries(entityNames.map((entity) => [entity, recordOf(entity)])),
      },
      responses: {
        Problem: {
          description: 'A refusal',
          content: { 'application/problem+json': { schema: ref('Problem') } },
        },
      },
    },
  };
}

const withoutKey = [{ bearer: [] }, { session: [] }];

const about =
  'Every path answers under /api too, with and without a slash at its end. Names may be sent in ' +
  'camelCase or snake_case. Writes take If-Match, POST takes Idempotency-Key. A key belongs to one organization; a person of several ' +
  'organizations names one in the header X-Organization.';

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

function describe(operation: Operation): Record<string, unknown> {
  const { procedure, entity, permission, route, segments } = operation;
  const status = route.status ?? (route.method === 'POST' ? 201 : 200);
  const inPath = segments.filter((part) => part.startsWith('{')).map((part) => part.slice(1, -1));
  return {
    operationId: `${route.method.toLowerCase()}${segments.map(titled).join('')}`,
    summary: route.summary,
    tags: [entity],
    ...securityOf(procedure, permission),
    'x-procedure': procedure,
    'x-permission': permission,
    parameters: [
      ...inPath.map((name) => ({
        name,
        in: 'path',
        required: true,
        schema: { type: 'string', format: 'uuid' },
      })),
      ...(route.method === 'GET' ? queryOf(operation, inPath) : []),
    ],
    ...(route.method === 'GET' || route.method === 'DELETE' ? {} : bodyOf(operation, inPath)),
    responses: {
      [status]: {
        description: 'Done',
        content: { 'application/json': { schema: answerOf(operation) } },
      },
      default: { $ref: '#/components/responses/Problem' },
    },
  };
}

/** Where it is not as everywhere: keys are not good for all. */
function securityOf(procedure: string, permission: string): { security?: object[] } {
  if (permission === 'public') return { security: [] };
  return isForKeys(procedure, permission) ? {} : { security: withoutKey };
}

const titled = (part: string): string =>
  part
    .replace(/[{}]/g, '')
    .split(/[_-]/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');

function queryOf({ input, route }: Operation, inPath: string[]): unknown[] {
  const known = new Set([...inPath, ...(route.filled ?? [])]);
  return Object.entries(input.properties ?? {})
    .filter(([name]) => !known.has(name))
    .map(([name, schema]) => ({
      name,
      in: 'query',
      required: (input.required?.includes(name) ?? false) && schema['default'] === undefined,
      schema,
    }));
}

function bodyOf({ input, entity, route }: Operation, inPath: string[]): Record<string, unknown> {
  const fields = Object.entries(input.properties ?? {}).filter(([name]) => !inPath.includes(name));
  if (fields.length === 0) return {};
  const isFilled = (name: string) => name === 'id' || (route.filled?.includes(name) ?? false);
  const required = (input.required ?? []).filter(
    (name) => !inPath.includes(name) && !isFilled(name),
  );
  const properties = Object.fromEntries(
    fields.map(([name, schema]) => [name, asSent(entity, name, schema)]),
  );
  const schema = { type: 'object', properties, ...(required.length ? { required } : {}) };
  return {
    requestBody: { required: required.length > 0, content: { 'application/json': { schema } } },
  };
}

function asSent(entity: string, name: string, schema: JsonSchema): JsonSchema {
  const { minor = [], decimal = [] } = moneyColumns[entity] ?? {};
  if (minor.includes(name) || decimal.includes(name)) {
    return { anyOf: [ref('Money'), { type: 'string' }, { type: 'null' }] };
  }
  const kind = kindOf(entity, name);
  return kind === 'time' || kind === 'time?'
    ? { type: ['string', 'null'], format: 'date-time' }
    : schema;
}

function answerOf({ entity, procedure, route, type }: Operation): unknown {
  if (route.output || !isEntity(entity)) return { type: 'object' };
  const isList = type === 'query' && procedure.endsWith('.list');
  if (isList)
    return {
      type: 'object',
      required: ['data', 'meta'],
      properties: { data: { type: 'array', items: ref(entity) }, meta: ref('Meta') },
    };
  const data = procedure.endsWith('.delete') || procedure.endsWith('.reorder') ? {} : ref(entity);
  return { type: 'object', required: ['data'], properties: { data, message: { type: 'string' } } };
}

function recordOf(entity: EntityName): JsonSchema {
  const { minor = [], decimal = [] } = moneyColumns[entity] ?? {};
  const isMoney = (name: string) => minor.includes(name) || decimal.includes(name);
  const columns = Object.entries(kindsOf(entity)).filter(
    ([name]) => entity !== 'customers' || !addressColumns.includes(name),
  );
  const properties = Object.fromEntries(
    columns.map(([name, kind]) => [
      name,
      isMoney(name) ? { anyOf: [ref('Money'), { type: 'null' }] } : schemaOf(kind),
    ]),
  );
  const address = {
    type: 'object',
    properties: Object.fromEntries(addressColumns.map((name) => [name, schemaOf('text?')])),
  };
  return {
    type: 'object',
    properties: {
      ...properties,
      ...(entity === 'customers' ? { address } : {}),
      rev: { type: 'integer' },
    },
  };
}

const kinds: Record<string, JsonSchema> = {
  id: { type: 'string', format: 'uuid' },
  text: { type: 'string' },
  texts: { type: 'array', items: { type: 'string' } },
  int: { type: 'integer' },
  bool: { type: 'boolean' },
  date: { type: 'string', format: 'date' },
  time: { type: 'string', format: 'date-time' },
  decimal: { type: 'string' },
  json: {},
};

function schemaOf(kind: string): JsonSchema {
  const schema = kinds[kind.replace('?', '')] ?? {};
  return kind.endsWith('?')
    ? { ...schema, type: [schema.type ?? 'string', 'null'].flat() }
    : schema;
}

const isEntity = (name: string): name is EntityName =>
  entityNames.some((entity) => entity === name);

const kindOf = (entity: string, name: string): string | undefined => {
  const known = isEntity(entity) ? kindsOf(entity) : {};
  return Object.hasOwn(known, name) ? known[name] : undefined;
};

const count = { type: 'integer', minimum: 0 };
const common = {
  Money: {
    type: 'object',
    required: ['amount', 'currency'],
    properties: {
      amount: { type: 'string', examples: ['1200.50'] },
      currency: { type: 'string', examples: ['RUB'] },
    },
  },
  Meta: {
    type: 'object',
    required: ['total', 'page', 'perPage', 'totalPages'],
    properties: {
      total: count,
      page: count,
      perPage: count,
      totalPages: count,
      nextCursor: { type: ['string', 'null'] },
    },
  },
  Problem: {
    type: 'object',
    required: ['type', 'title', 'status', 'code'],
    properties: {
      type: { type: 'string' },
      title: { type: 'string' },
      status: { type: 'integer' },
      detail: { type: 'string' },
      instance: { type: 'string' },
      code: { type: 'string' },
      errors: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            field: { type: 'string' },
            message: { type: 'string' },
            rule: { type: 'string' },
          },
        },
      },
      requestId: { type: 'string' },
    },
  },
};
