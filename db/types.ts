// Made from the migrated database by `npm run db:types`.
import type { ColumnType } from 'kysely';

type Generated<T> =
  T extends ColumnType<infer S, infer I, infer U>
    ? ColumnType<S, I | undefined, U>
    : ColumnType<T, T | undefined, T>;
type Timestamp = ColumnType<Date, Date | string, Date | string>;
type Numeric = ColumnType<string, string | number, string | number>;

export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;
export interface JsonObject {
  [key: string]: JsonValue | undefined;
}
// An array has to be written as its JSON text: the driver would make a Postgres array of it.
type Json = ColumnType<JsonValue, JsonObject | string, JsonObject | string>;

export interface ActivitiesTable {
  organizationId: string;
  id: Generated<string>;
  rev: Generated<number>;
  kind: 'call' | 'meeting' | 'email' | 'note' | 'message' | 'task';
  title: string;
  body: Generated<string>;
  dealId: string | null;
  customerId: string | null;
  dueAt: Timestamp | null;
  doneAt: Timestamp | null;
  ownerId: string | null;
  teamId: string | null;
  createdAt: Generated<Timestamp>;
  updatedAt: Generated<Timestamp>;
  createdBy: string | null;
  mentions: Generated<string[]>;
}

export interface ApiKeyUsesTable {
  organizationId: string;
  keyId: string;
  at: Generated<Timestamp>;
}

export interface ApiKeysTable {
  organizationId: string;
  id: Generated<string>;
  rev: Generated<number>;
  memberId: string;
  name: string;
  prefix: string;
  secretHash: Buffer;
  scopes: string[];
  expiresAt: Timestamp | null;
  revokedAt: Timestamp | null;
  createdAt: Generated<Timestamp>;
  updatedAt: Generated<Timestamp>;
}

export interface CountersTable {
  organizationId: string;
  name: string;
  value: number;
}

export interface CustomerSearchTable {
  organizationId: string;
  id: string;
  sortName: string;
  searchText: string;
}

export interface CustomersTable {
  organizationId: string;
  id: Generated<string>;
  rev: Generated<number>;
  code: string;
  name: string;
  type: Generated<'individual' | 'business'>;
  status: Generated<'active' | 'inactive' | 'lead' | 'prospect' | 'vip'>;
  email: string | null;
  phone: string | null;
  company: string | null;
  website: string | null;
  industry: string | null;
  street: string | null;
  city: string | null;
  state: string | null;
  country: string | null;
  postalCode: string | null;
  tags: Generated<string[]>;
  notes: Generated<string>;
  ownerId: string | null;
  teamId: string | null;
  custom: Generated<Json>;
  externalId: string | null;
  createdAt: Generated<Timestamp>;
  updatedAt: Generated<Timestamp>;
  createdBy: string | null;
}

export interface DealProductsTable {
  organizationId: string;
  id: Generated<string>;
  rev: Generated<number>;
  dealId: string;
  productId: string;
  quantity: Generated<Numeric>;
  unitPrice: Numeric | null;
  currency: string;
  ownerId: string | null;
  teamId: string | null;
  createdAt: Generated<Timestamp>;
  updatedAt: Generated<Timestamp>;
  createdBy: string | null;
}

export interface DealsTable {
  organizationId: string;
  id: Generated<string>;
  rev: Generated<number>;
  pipelineId: string;
  stageId: string;
  state: Generated<'open' | 'won' | 'lost'>;
  rank: string;
  title: string;
  description: Generated<string>;
  customerId: string | null;
  customerName: string | null;
  value: number | null;
  currency: string;
  probability: Generated<number>;
  probabilityManual: Generated<boolean>;
  expectedRevenue: number | null;
  openedOn: string | null;
  expectedCloseOn: string | null;
  closedOn: string | null;
  priority: Generated<'low' | 'medium' | 'high' | 'urgent'>;
  source: string | null;
  tags: Generated<string[]>;
  ownerId: string | null;
  teamId: string | null;
  lostReasonId: string | null;
  lostNote: string | null;
  stageEnteredAt: Generated<Timestamp>;
  nextActivityId: string | null;
  nextActivityKind: string | null;
  nextActivityTitle: string | null;
  nextActivityAt: Timestamp | null;
  custom: Generated<Json>;
  externalId: string | null;
  createdAt: Generated<Timestamp>;
  updatedAt: Generated<Timestamp>;
  createdBy: string | null;
}

export interface ExchangeRatesTable {
  organizationId: string;
  id: Generated<string>;
  rev: Generated<number>;
  currency: string;
  validFrom: string;
  rate: Numeric;
  createdAt: Generated<Timestamp>;
  updatedAt: Generated<Timestamp>;
  createdBy: string | null;
}

export interface FollowsTable {
  organizationId: string;
  id: Generated<string>;
  rev: Generated<number>;
  memberId: string;
  entity: string;
  recordId: string;
  state: 'following' | 'muted';
  createdAt: Generated<Timestamp>;
  updatedAt: Generated<Timestamp>;
}

export interface InvitationsTable {
  organizationId: string;
  id: Generated<string>;
  rev: Generated<number>;
  email: string | null;
  roleId: string;
  teamId: string | null;
  memberId: string | null;
  tokenHash: Buffer;
  expiresAt: Timestamp;
  acceptedAt: Timestamp | null;
  createdAt: Generated<Timestamp>;
  updatedAt: Generated<Timestamp>;
  createdBy: string | null;
}

export interface LooksTable {
  organizationId: string;
  id: Generated<string>;
  rev: Generated<number>;
  memberId: string;
  place: string;
  position: number;
  at: Timestamp;
  createdAt: Generated<Timestamp>;
  updatedAt: Generated<Timestamp>;
}

export interface LostReasonsTable {
  organizationId: string;
  id: Generated<string>;
  rev: Generated<number>;
  name: string;
  position: string;
  createdAt: Generated<Timestamp>;
  updatedAt: Generated<Timestamp>;
  createdBy: string | null;
}

export interface MembersTable {
  organizationId: string;
  id: Generated<string>;
  rev: Generated<number>;
  userId: string | null;
  name: string;
  email: string | null;
  roleId: string;
  teamId: string | null;
  isActive: Generated<boolean>;
  externalId: string | null;
  createdAt: Generated<Timestamp>;
  updatedAt: Generated<Timestamp>;
  createdBy: string | null;
  cardFields: string[] | null;
}

export interface NotificationLettersTable {
  organizationId: string;
  notificationId: string;
  memberId: string;
  dueAt: Timestamp;
  batch: string | null;
  leasedUntil: Timestamp | null;
  tries: Generated<number>;
  sentAt: Timestamp | null;
}

export interface NotificationPreferencesTable {
  organizationId: string;
  id: Generated<string>;
  rev: Generated<number>;
  memberId: string;
  kinds: Generated<Json>;
  digest: Generated<'instant' | 'daily' | 'weekly' | 'never'>;
  quietFrom: string | null;
  quietTo: string | null;
  timeZone: string;
  createdAt: Generated<Timestamp>;
  updatedAt: Generated<Timestamp>;
}

export interface NotificationPushesTable {
  organizationId: string;
  notificationId: string;
  subscriptionId: string;
  dueAt: Timestamp;
  batch: string | null;
}

export interface NotificationSourcesTable {
  organizationId: string;
  memberId: string;
  source: string;
  at: Timestamp;
}

export interface NotificationsTable {
  organizationId: string;
  id: Generated<string>;
  rev: Generated<number>;
  memberId: string;
  kind: string;
  severity: Generated<'info' | 'warning' | 'danger'>;
  entity: string;
  recordId: string;
  subjectId: string | null;
  title: string;
  actor: string | null;
  data: Generated<Json>;
  count: Generated<number>;
  keys: string[];
  source: string;
  at: Timestamp;
  state: Generated<'unread' | 'read' | 'snoozed' | 'done'>;
  snoozedUntil: Timestamp | null;
  createdAt: Generated<Timestamp>;
  updatedAt: Generated<Timestamp>;
  thread: Generated<string>;
}

export interface OrganizationsTable {
  organizationId: string;
  id: string;
  rev: Generated<number>;
  name: string;
  slug: string;
  currency: Generated<string>;
  timeZone: Generated<string>;
  locale: Generated<'en' | 'ru'>;
  isActive: Generated<boolean>;
  createdAt: Generated<Timestamp>;
  updatedAt: Generated<Timestamp>;
  createdBy: string | null;
}

export interface PipelinesTable {
  organizationId: string;
  id: Generated<string>;
  rev: Generated<number>;
  name: string;
  description: Generated<string>;
  isDefault: Generated<boolean>;
  isActive: Generated<boolean>;
  position: string;
  createdAt: Generated<Timestamp>;
  updatedAt: Generated<Timestamp>;
  createdBy: string | null;
}

export interface ProductsTable {
  organizationId: string;
  id: Generated<string>;
  rev: Generated<number>;
  name: string;
  series: Generated<string>;
  price: Numeric | null;
  currency: string;
  isActive: Generated<boolean>;
  externalId: string | null;
  createdAt: Generated<Timestamp>;
  updatedAt: Generated<Timestamp>;
  createdBy: string | null;
}

export interface RolesTable {
  organizationId: string;
  id: Generated<string>;
  rev: Generated<number>;
  slug: string;
  name: string;
  description: Generated<string>;
  isBuiltIn: Generated<boolean>;
  access: Generated<Json>;
  createdAt: Generated<Timestamp>;
  updatedAt: Generated<Timestamp>;
  createdBy: string | null;
}

export interface StagesTable {
  organizationId: string;
  id: Generated<string>;
  rev: Generated<number>;
  pipelineId: string;
  name: string;
  kind: Generated<'open' | 'won' | 'lost'>;
  probability: Generated<number>;
  position: string;
  rottingDays: number | null;
  createdAt: Generated<Timestamp>;
  updatedAt: Generated<Timestamp>;
  createdBy: string | null;
}

export interface TeamsTable {
  organizationId: string;
  id: Generated<string>;
  rev: Generated<number>;
  name: string;
  externalId: string | null;
  createdAt: Generated<Timestamp>;
  updatedAt: Generated<Timestamp>;
  createdBy: string | null;
}

export interface PlatformAccountLinksTable {
  tokenHash: Buffer;
  userId: string;
  purpose: 'reset' | 'verify';
  email: string;
  expiresAt: Timestamp;
  createdAt: Generated<Timestamp>;
}

export interface PlatformJobsTable {
  name: string;
  dueAt: Generated<Timestamp>;
  run: Generated<number>;
  leasedUntil: Generated<Timestamp>;
  finishedAt: Timestamp | null;
  failures: Generated<number>;
  failedAt: Timestamp | null;
  lastError: string | null;
}

export interface PlatformMigrationsTable {
  name: string;
  hash: string;
  at: Generated<Timestamp>;
}

export interface PlatformPushSubscriptionsTable {
  id: Generated<string>;
  userId: string;
  sessionHash: Buffer;
  endpoint: string;
  p256dh: string;
  auth: string;
  createdAt: Generated<Timestamp>;
  leasedUntil: Generated<Timestamp>;
  failures: Generated<number>;
}

export interface PlatformRefreshTokensTable {
  tokenHash: Buffer;
  familyId: string;
  userId: string;
  organizationId: string | null;
  successor: Buffer | null;
  replacedAt: Timestamp | null;
  revokedAt: Timestamp | null;
  expiresAt: Timestamp;
  createdAt: Generated<Timestamp>;
}

export interface PlatformSessionsTable {
  idHash: Buffer;
  userId: string;
  expiresAt: Timestamp;
  userAgent: string | null;
  ip: string | null;
  createdAt: Generated<Timestamp>;
}

export interface PlatformThrottlesTable {
  key: string;
  points: number;
  expiresAt: Timestamp;
}

export interface PlatformUsersTable {
  id: Generated<string>;
  email: string;
  name: string;
  passwordHash: string | null;
  locale: Generated<'en' | 'ru'>;
  theme: Generated<'light' | 'dark' | 'system'>;
  isActive: Generated<boolean>;
  isPlatformAdmin: Generated<boolean>;
  mustChangePassword: Generated<boolean>;
  passwordChangedAt: Timestamp | null;
  lastSignInAt: Timestamp | null;
  createdAt: Generated<Timestamp>;
  emailVerifiedAt: Timestamp | null;
}

export interface SyncAuditEventsTable {
  organizationId: string;
  id: Generated<string>;
  rev: Generated<number>;
  kind: string;
  memberId: string | null;
  ip: string | null;
  userAgent: string | null;
  requestId: string | null;
  about: Generated<Json>;
  createdAt: Generated<Timestamp>;
  updatedAt: Generated<Timestamp>;
}

export interface SyncCanariesTable {
  id: string;
  organizationId: string;
  beat: Generated<number>;
  rev: Generated<number>;
  updatedAt: Generated<Timestamp>;
}

export interface SyncChangeLogTable {
  xid: string;
  organizationId: string;
  ord: number;
  head: boolean;
  entity: string;
  id: string;
  op: string;
  rev: number;
  before: Json | null;
  after: Json | null;
  at: Timestamp;
}

export interface SyncChangeTxTable {
  organizationId: string;
  pos: number;
  xid: string;
  at: Timestamp;
  actor: string | null;
  mutationId: string | null;
  runId: string | null;
}

export interface SyncHistoryTable {
  organizationId: string;
  pos: number;
  ord: number;
  entity: string;
  id: string;
  op: string;
  actor: string | null;
  mutationId: string | null;
  runId: string | null;
  at: Timestamp;
  title: string | null;
  currency: string | null;
  changes: Json | null;
  keys: string[];
  salt: Buffer | null;
  digest: Buffer;
}

export interface SyncHistoryFieldsTable {
  organizationId: string;
  entity: string;
  field: string;
  pos: number;
  ord: number;
}

export interface SyncMutationsTable {
  organizationId: string;
  actor: string;
  mutationId: string;
  name: string;
  requestHash: string;
  answer: Json | null;
  pos: number;
  at: Generated<Timestamp>;
  refusal: Json | null;
}

export interface SyncOrgClockTable {
  organizationId: string;
  pos: Generated<number>;
  xid: string | null;
  at: Timestamp | null;
}

export interface SyncReaderCursorsTable {
  organizationId: string;
  reader: string;
  pos: Generated<number>;
  failures: Generated<number>;
  lastError: string | null;
  updatedAt: Generated<Timestamp>;
}

export interface SyncReaderPoisonTable {
  organizationId: string;
  reader: string;
  pos: number;
  error: string;
  at: Generated<Timestamp>;
}

export interface SyncReadersTable {
  name: string;
  startedAt: Generated<Timestamp>;
}

export interface SyncSealChecksTable {
  organizationId: string;
  sealedTo: number;
  findings: string[];
  at: Generated<Timestamp>;
}

export interface SyncSealsTable {
  organizationId: string;
  toPos: number;
  fromPos: number;
  rows: number;
  previous: Buffer;
  hash: Buffer;
  signature: Buffer;
  at: Generated<Timestamp>;
}

export interface SyncStateTable {
  onlyRow: Generated<boolean>;
  epoch: Generated<string>;
}

export interface SyncSubjectsTable {
  organizationId: string;
  entity: string;
  id: string;
  pos: number;
  ord: number;
  title: string | null;
  keys: string[];
  isDeleted: boolean;
  at: Timestamp;
}

export interface SyncTrackedTable {
  relid: string;
  entity: string;
  secret: Generated<string[]>;
}

export interface DB {
  activities: ActivitiesTable;
  apiKeyUses: ApiKeyUsesTable;
  apiKeys: ApiKeysTable;
  counters: CountersTable;
  customerSearch: CustomerSearchTable;
  customers: CustomersTable;
  dealProducts: DealProductsTable;
  deals: DealsTable;
  exchangeRates: ExchangeRatesTable;
  follows: FollowsTable;
  invitations: InvitationsTable;
  looks: LooksTable;
  lostReasons: LostReasonsTable;
  members: MembersTable;
  notificationLetters: NotificationLettersTable;
  notificationPreferences: NotificationPreferencesTable;
  notificationPushes: NotificationPushesTable;
  notificationSources: NotificationSourcesTable;
  notifications: NotificationsTable;
  organizations: OrganizationsTable;
  pipelines: PipelinesTable;
  products: ProductsTable;
  roles: RolesTable;
  stages: StagesTable;
  teams: TeamsTable;
  'platform.accountLinks': PlatformAccountLinksTable;
  'platform.jobs': PlatformJobsTable;
  'platform.migrations': PlatformMigrationsTable;
  'platform.pushSubscriptions': PlatformPushSubscriptionsTable;
  'platform.refreshTokens': PlatformRefreshTokensTable;
  'platform.sessions': PlatformSessionsTable;
  'platform.throttles': PlatformThrottlesTable;
  'platform.users': PlatformUsersTable;
  'sync.auditEvents': SyncAuditEventsTable;
  'sync.canaries': SyncCanariesTable;
  'sync.changeLog': SyncChangeLogTable;
  'sync.changeTx': SyncChangeTxTable;
  'sync.history': SyncHistoryTable;
  'sync.historyFields': SyncHistoryFieldsTable;
  'sync.mutations': SyncMutationsTable;
  'sync.orgClock': SyncOrgClockTable;
  'sync.readerCursors': SyncReaderCursorsTable;
  'sync.readerPoison': SyncReaderPoisonTable;
  'sync.readers': SyncReadersTable;
  'sync.sealChecks': SyncSealChecksTable;
  'sync.seals': SyncSealsTable;
  'sync.state': SyncStateTable;
  'sync.subjects': SyncSubjectsTable;
  'sync.tracked': SyncTrackedTable;
}
