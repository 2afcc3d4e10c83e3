import { type DestinationStream, type Logger, pino } from 'pino';
import type { Config } from './config.ts';

const SECRETS = [
  'password',
  'passwordHash',
  'newPassword',
  'token',
  'access',
  'refresh',
  'secret',
  'secretKeys',
  'apiKey',
  'authorization',
  'cookie',
];

/** JSON lines, times in UTC; whatever is named like a secret is left out, at the top and one below. */
export function createLog({ logLevel }: Pick<Config, 'logLevel'>, to?: DestinationStream): Logger {
  return pino(
    {
      level: logLevel,
      base: undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      redact: {
        paths: SECRETS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
        remove: true,
      },
    },
    to ?? pino.destination({ dest: 1, sync: true }),
  );
}
