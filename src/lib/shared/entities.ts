/**
 * The rows a browser may hold: which columns of which entity are synced, and how each is written.
 * `id` uuid, `time` milliseconds since 1970, `date` 'YYYY-MM-DD', `decimal` an exact decimal string;
 * a question mark means that it may be null. Names are the database's in camelCase.
 */
const directory = { id: 'id', name: 'text' } as const;

export const entities = {
  organizations: { ...directory, slug: 'text', currency: 'text', timeZone: 'text', locale: 'text' },
  roles: { ...directory, slug: 'text', isBuiltIn: 'bool', access: 'json' },
  teams: directory,
  members: {
    ...directory,
    email: 'text?',
    userId: 'id?',
    roleId: 'id',
    teamId: 'id?',
    isActive: 'bool',
    cardFields: 'texts?',
  },
  invitations: {
    id: 'id',
    email: 'text?',
    roleId: 'id',
    teamId: 'id?',
    memberId: 'id?',
    expiresAt: 'time',
    acceptedAt: 'time?',
  },
  apiKeys: {
    ...directory,
    memberId: 'id',
    prefix: 'text',
    scopes: 'texts',
    expiresAt: 'time?',
    revokedAt: 'time?',
    createdAt: 'time',
  },
  exchangeRates: { id: 'id', currency: 'text', validFrom: 'date', rate: 'decimal' },
  pipelines: {
    ...directory,
    description: 'text',
    isDefault: 'bool',
    isActive: 'bool',
    position: 'text',
  },
  stages: {
    ...directory,
    pipelineId: 'id',
    kind: 'text',
    probability: 'int',
    position: 'text',
    rottingDays: 'int?',
  },
  lostReasons: { ...directory, position: 'text' },
  products: { ...directory, series: 'text', price: 'decimal?', currency: 'text', isActive: 'bool' },
  customers: {
    ...directory,
    code: 'text',
    type: 'text',
    status: 'text',
    email: 'text?',
    phone: 'text?',
    company: 'text?',
    website: 'text?',
    industry: 'text?',
    street: 'text?',
    city: 'text?',
    state: 'text?',
    country: 'text?',
    postalCode: 'text?',
    tags: 'texts',
    notes: 'text',
    ownerId: 'id?',
    teamId: 'id?',
    createdAt: 'time',
    createdBy: 'id?',
  },
  deals: {
    id: 'id',
    pipelineId: 'id',
    stageId: 'id',
    state: 'text',
    rank: 'text',
    title: 'text',
    description: 'text',
    customerId: 'id?',
    customerName: 'text?',
    value: 'int?',
    currency: 'text',
    probability: 'int',
    probabilityManual: 'bool',
    expectedRevenue: 'int?',
    openedOn: 'date?',
    expectedCloseOn: 'date?',
    closedOn: 'date?',
    priority: 'text',
    tags: 'texts',
    ownerId: 'id?',
    teamId: 'id?',
    lostReasonId: 'id?',
    lostNote: 'text?',
    stageEnteredAt: 'time',
    nextActivityId: 'id?',
    nextActivityKind: 'text?',
    nextActivityTitle: 'text?',
    nextActivityAt: 'time?',
    createdAt: 'time',
    createdBy: 'id?',
  },
  dealProducts: {
    id: 'id',
    dealId: 'id',
    productId: 'id',
    quantity: 'decimal',
    unitPrice: 'decimal?',
    currency: 'text',
    ownerId: 'id?',
    teamId: 'id?',
  },
  activities: {
    id: 'id',
    kind: 'text',
    title: 'text',
    body: 'text',
    dealId: 'id?',
    customerId: 'id?',
    dueAt: 'time?',
    doneAt: 'time?',
    ownerId: 'id?',
    teamId: 'id?',
    createdAt: 'time',
    createdBy: 'id?',
    /** The members that a note names. */
    mentions: 'texts',
  },
  notifications: {
    id: 'id',
    memberId: 'id',
    kind: 'text',
    severity: 'text',
    entity: 'text',
    recordId: 'id',
    title: 'text',
    actor: 'text?',
    data: 'json',
    count: 'int',
    at: 'time',
    state: 'text',
    snoozedUntil: 'time?',
  },
  follows: { id: 'id', memberId: 'id', entity: 'text', recordId: 'id', state: 'text' },
  notificationPreferences: {
    id: 'id',
    memberId: 'id',
    kinds: 'json',
    digest: 'text',
    quietFrom: 'text?',
    quietTo: 'text?',
    timeZone: 'text',
  },
  looks: { id: 'id', memberId: 'id', place: 'text', position: 'int', at: 'time' },
} as const satisfies Record<string, Record<string, ColumnKind>>;

interface Kinds {
  id: string;
  text: string;
  texts: string[];
  int: number;
  bool: boolean;
  date: string;
  time: number;
  decimal: string;
  json: unknown;
}
export type ColumnKind = keyof Kinds | `${keyof Kinds}?`;
type Value<K> = K extends `${infer Base extends keyof Kinds}?`
  ? Kinds[Base] | null
  : K extends keyof Kinds
    ? Kinds[K]
    : never;

export type EntityName = keyof typeof entities;
export type Row<E extends EntityName> = {
  -readonly [C in keyof (typeof entities)[E]]: Value<(typeof entities)[E][C]>;
};
export type AnyRow = { id: string } & Record<string, unknown>;

export type Deal = Row<'deals'>;
export type Stage = Row<'stages'>;
export type Customer = Row<'customers'>;
export type Member = Row<'members'>;

export const entityNames = Object.keys(entities) as EntityName[];
export const columnsOf = (entity: EntityName): string[] => Object.keys(entities[entity]);
export const kindsOf = (entity: EntityName): Record<string, ColumnKind> => entities[entity];

/**
 * What can be subscribed to: an entity, narrowed by the equality of columns. A subscription names a
 * topic and the values, e.g. `pipelineDeals` with a pipeline and a state.
 */
export const topics = {
  organization: { entity: 'organizations', by: [] },
  roles: { entity: 'roles', by: [] },
  teams: { entity: 'teams', by: [] },
  members: { entity: 'members', by: [] },
  invitations: { entity: 'invitations', by: [] },
  apiKeys: { entity: 'apiKeys', by: [] },
  exchangeRates: { entity: 'exchangeRates', by: [] },
  pipelines: { entity: 'pipelines', by: [] },
  stages: { entity: 'stages', by: [] },
  lostReasons: { entity: 'lostReasons', by: [] },
  products: { entity: 'products', by: [] },
  customers: { entity: 'customers', by: [] },
  customer: { entity: 'customers', by: ['id'] },
  pipelineDeals: { entity: 'deals', by: ['pipelineId', 'state'] },
  deal: { entity: 'deals', by: ['id'] },
  customerDeals: { entity: 'deals', by: ['customerId'] },
  dealProducts: { entity: 'dealProducts', by: ['dealId'] },
  dealActivities: { entity: 'activities', by: ['dealId'] },
  customerActivities: { entity: 'activities', by: ['customerId'] },
  notifications: { entity: 'notifications', by: ['memberId', 'state'] },
  follows: { entity: 'follows', by: ['recordId'] },
  notificationPreferences: { entity: 'notificationPreferences', by: ['memberId'] },
} as const satisfies Record<string, { entity: EntityName; by: readonly string[] }>;

export type TopicName = keyof typeof topics;
export type TopicParams<T extends TopicName> = Record<(typeof topics)[T]['by'][number], string>;

/** The key a topic and its values have on both sides: `pipelineDeals/<pipeline>/open`. */
export function topicKey(topic: TopicName, values: readonly string[]): string {
  return [topic, ...values].join('/');
}
