import * as path from 'node:path';
import { z } from 'zod';
import { keptSecret } from './kept-secret.ts';

/** Every setting, read once; nothing else in the program looks at the environment. */
export interface Config {
  port: number;
  host: string;
  dataDir: string;
  /** Undefined: the embedded Postgres below dataDir. */
  databaseUrl: string | undefined;
  /** The application's own login, where it has one. */
  databaseAppUrl: string | undefined;
  redisUrl: string | undefined;
  roles: { web: boolean; jobs: boolean };
  /** Whether the demo organization is put in when there is none. */
  demo: boolean;
  demoPassword: string;
  /** The origin people use, without a trailing slash; undefined: whatever the request names. */
  publicUrl: string | undefined;
  /** How many proxies in front may say who the client is. */
  trustProxy: number;
  /** How long a node that is to stop goes on as before, but not ready, so that a balancer notices. */
  drainSeconds: number;
  /** Newest first: the first signs and encrypts, all of them verify and decrypt. */
  secretKeys: string[];
  logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
  /** How many days the change log keeps whole images of what changed; the history stays. */
  keepImagesDays: number;
  keepActsDays: number;
  /** The seed of the key that signs the audit's seals; undefined: made and kept in dataDir. */
  auditKey: string | undefined;
  /** Where the heads of the audit's chains are written too, beside the database. */
  auditHeads: string;
  /** Wrong passwords for an account from one address, and in how many minutes. */
  signIn: { tries: number; minutes: number };
  /** Requests of one caller through REST. */
  restRequestsPerMinute: number;
  /** Other sites whose pages may call REST. */
  corsOrigins: string[];
  smtpUrl: string | undefined;
  mailFrom: string;
  /** By which push services know this server; undefined: made and kept in dataDir. */
  vapidPrivateKey: string | undefined;
  /** Whom a push service may write to about this server: a mailto: or https: address. */
  vapidSubject: string;
  /** An origin on this machine that stands in for a push service, for tests; no other may be so near. */
  pushTestService: string | undefined;
  agencyCrm: { apiUrl?: string; apiKey?: string; webhookSecret?: string };
  moysklad: {
    apiUrl: string;
    token?: string;
    username?: string;
    password?: string;
    syncIntervalMinutes: number;
  };
  kaspi: { apiUrl?: string; token?: string };
  bitrix24: { webhookUrl?: string };
}

/** A setting is missing or wrong; the message names it. */
export class ConfigError extends Error {}

export const DEFAULT_DEMO_PASSWORD = 'demo-syncline';

const text = z.string().trim().min(1).optional();
const flag = z
  .enum(['0', '1', 'true', 'false'])
  .transform((word) => word === '1' || word === 'true');
const url = (...protocols: string[]) =>
  z
    .string()
    .refine(
      (value) => URL.canParse(value) && protocols.includes(new URL(value).protocol.slice(0, -1)),
      `must be an address that begins with ${protocols.map((name) => `${name}://`).join(' or ')}`,
    )
    .optional();

const settings = z.object({
  PORT: z.coerce.number().int().min(0).max(65535).default(3000),
  HOST: z.string().default('127.0.0.1'),
  DATA_DIR: z.string().default('./.data'),
  DATABASE_URL: url('postgres', 'postgresql'),
  DATABASE_APP_URL: url('postgres', 'postgresql'),
  REDIS_URL: url('redis', 'rediss'),
  ROLES: z
    .string()
    .default('web,jobs')
    .transform((list) => list.split(',').map((role) => role.trim()))
    .pipe(z.array(z.enum(['web', 'jobs'])).min(1)),
  DEMO: flag.optional(),
  DEMO_PASSWORD: z.string().min(8).default(DEFAULT_DEMO_PASSWORD),
  PUBLIC_URL: url('http', 'https'),
  TRUST_PROXY: z.union([flag.transform(Number), z.coerce.number().int().min(0).max(9)]).default(0),
  DRAIN_SECONDS: z.coerce.number().min(0).max(15).optional(),
  SECRET_KEYS: z
    .string()
    .transform((list) => list.split(/[\s,]+/).filter(Boolean))
    .pipe(z.array(z.string().min(32, 'each key needs 32 characters or more')).min(1))
    .optional(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  KEEP_IMAGES_DAYS: z.coerce.number().int().min(1).max(3650).default(30),
  KEEP_ACTS_DAYS: z.coerce.number().int().min(1).max(36500).default(730),
  AUDIT_KEY: z
    .string()
    .regex(/^[A-Za-z0-9_-]{43}$/, 'must be 32 bytes in base64url')
    .optional(),
  AUDIT_HEADS: text,
  SIGN_IN_TRIES: z.coerce.number().int().min(1).max(1000).default(10),
  SIGN_IN_MINUTES: z.coerce.number().int().min(1).max(1440).default(15),
  REST_REQUESTS_PER_MINUTE: z.coerce.number().int().min(1).max(1_000_000).default(600),
  CORS_ORIGINS: z
    .string()
    .default('')
    .transform((list) => list.split(/[\s,]+/).filter(Boolean))
    .pipe(
      z.array(z.string().refine(isOrigin, 'each must be an origin like https://app.example.com')),
    ),
  SMTP_URL: url('smtp', 'smtps'),
  MAIL_FROM: z.string().trim().min(3).optional(),
  VAPID_PRIVATE_KEY: z
    .string()
    .regex(/^[A-Za-z0-9_-]{43}$/, 'must be 32 bytes in base64url')
    .optional(),
  VAPID_SUBJECT: z
    .string()
    .regex(/^(mailto:.+@|https:\/\/)[^@\s]+$/, 'must begin with mailto: or https://')
    .optional(),
  PUSH_TEST_SERVICE: url('http').refine(
    (value) => value === undefined || isLoopback(new URL(value).hostname),
    'must be on this machine',
  ),
  AGENCY_CRM_API_URL: url('http', 'https'),
  AGENCY_CRM_API_KEY: text,
  AGENCY_CRM_WEBHOOK_SECRET: text,
  MOYSKLAD_API_URL: url('http', 'https').default('https://api.moysklad.ru/api/remap/1.2'),
  MOYSKLAD_TOKEN: text,
  MOYSKLAD_USERNAME: text,
  MOYSKLAD_PASSWORD: text,
  MOYSKLAD_SYNC_INTERVAL_MINUTES: z.coerce.number().int().min(1).max(1440).default(15),
  KASPI_API_URL: url('http', 'https'),
  KASPI_TOKEN: text,
  BITRIX24_WEBHOOK_URL: url('http', 'https'),
});

/** Reads and checks the settings; throws ConfigError. An empty setting counts as absent. */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const result = settings.safeParse(given);
  if (!result.success) {
    const lines = result.error.issues.map(({ path: at, message }) => `${at.join('.')}: ${message}`);
    throw new ConfigError(lines.join('\n'));
  }
  const read = result.data;
  if (read.SMTP_URL && !read.PUBLIC_URL) {
    throw new ConfigError(
      'PUBLIC_URL: letters (SMTP_URL) have links, which must not come from a request.',
    );
  }
  if (read.KEEP_ACTS_DAYS < read.KEEP_IMAGES_DAYS) {
    throw new ConfigError(
      'KEEP_ACTS_DAYS: cannot be less than KEEP_IMAGES_DAYS, in which acts are too.',
    );
  }
  const dataDir = path.resolve(read.DATA_DIR);
  const config: Config = {
    port: read.PORT,
    host: read.HOST,
    dataDir,
    databaseUrl: read.DATABASE_URL,
    databaseAppUrl: read.DATABASE_APP_URL,
    redisUrl: read.REDIS_URL,
    roles: { web: read.ROLES.includes('web'), jobs: read.ROLES.includes('jobs') },
    demo: read.DEMO ?? !read.DATABASE_URL,
    demoPassword: read.DEMO_PASSWORD,
    publicUrl: read.PUBLIC_URL && new URL(read.PUBLIC_URL).origin,
    trustProxy: read.TRUST_PROXY,
    drainSeconds: read.DRAIN_SECONDS ?? (read.TRUST_PROXY > 0 ? 5 : 0),
    secretKeys: read.SECRET_KEYS ?? keptSecret(dataDir, 'secret-keys').split(/\s+/),
    logLevel: read.LOG_LEVEL,
    keepImagesDays: read.KEEP_IMAGES_DAYS,
    keepActsDays: read.KEEP_ACTS_DAYS,
    auditKey: read.AUDIT_KEY,
    auditHeads: path.resolve(read.AUDIT_HEADS ?? path.join(dataDir, 'audit-heads.jsonl')),
    signIn: { tries: read.SIGN_IN_TRIES, minutes: read.SIGN_IN_MINUTES },
    restRequestsPerMinute: read.REST_REQUESTS_PER_MINUTE,
    corsOrigins: read.CORS_ORIGINS,
    smtpUrl: read.SMTP_URL,
    mailFrom: read.MAIL_FROM ?? `Syncline <no-reply@${hostOf(read.PUBLIC_URL)}>`,
    vapidPrivateKey: read.VAPID_PRIVATE_KEY,
    vapidSubject: read.VAPID_SUBJECT ?? `mailto:no-reply@${hostOf(read.PUBLIC_URL)}`,
    pushTestService: read.PUSH_TEST_SERVICE && new URL(read.PUSH_TEST_SERVICE).origin,
    agencyCrm: {
      apiUrl: read.AGENCY_CRM_API_URL,
      apiKey: read.AGENCY_CRM_API_KEY,
      webhookSecret: read.AGENCY_CRM_WEBHOOK_SECRET,
    },
    moysklad: {
      apiUrl: read.MOYSKLAD_API_URL,
      token: read.MOYSKLAD_TOKEN,
      username: read.MOYSKLAD_USERNAME,
      password: read.MOYSKLAD_PASSWORD,
      syncIntervalMinutes: read.MOYSKLAD_SYNC_INTERVAL_MINUTES,
    },
    kaspi: { apiUrl: read.KASPI_API_URL, token: read.KASPI_TOKEN },
    bitrix24: { webhookUrl: read.BITRIX24_WEBHOOK_URL },
  };
  refuseKnownPassword(config);
  return config;
}

// Everybody knows the default password, so only this machine may reach people who have it.
function refuseKnownPassword({ demo, demoPassword, host, publicUrl }: Config): void {
  if (!demo || demoPassword !== DEFAULT_DEMO_PASSWORD) return;
  const open = [host, publicUrl && new URL(publicUrl).hostname].find(
    (name) => name && !isLoopback(name),
  );
  if (open) {
    throw new ConfigError(
      `DEMO_PASSWORD: set one of your own (or DEMO=0), because ${open} can be reached by others ` +
        'and everybody knows the default.',
    );
  }
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}

function hostOf(address: string | undefined): string {
  return address ? new URL(address).hostname : 'localhost';
}

export function isLoopback(host: string): boolean {
  return (
    host === 'localhost' || host === '[::1]' || host === '::1' || /^(::ffff:)?127\./.test(host)
  );
}

/**
 * Tells Kit's node adapter which headers hold the client's address, protocol and host. It reads the
 * environment when its handler is imported, and `normalise` of requests.ts writes these headers.
 */
export function prepareKit(): void {
  process.env['PROTOCOL_HEADER'] = 'x-forwarded-proto';
  process.env['HOST_HEADER'] = 'x-forwarded-host';
  process.env['ADDRESS_HEADER'] = 'x-forwarded-for';
  process.env['BODY_SIZE_LIMIT'] = '1M';
}
