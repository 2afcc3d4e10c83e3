import { FolderInUse } from '#db/embedded.ts';
import { RolesMissing } from '#db/roles.ts';
import { ConfigError } from './config.ts';

/** A command was given wrong arguments, or cannot do what it was asked to: the message says why. */
export class CommandError extends Error {}

/** What the person who starts a program can mend is said plainly; anything else with its stack. */
export function explain(error: unknown): string {
  if (error instanceof ConfigError) return `A setting is wrong.\n${error.message}`;
  const isPlain = [FolderInUse, RolesMissing, CommandError].some((kind) => error instanceof kind);
  if (!(error instanceof Error)) return String(error);
  if (isPlain) return error.message;
  if ('code' in error && error.code === 'EADDRINUSE') {
    return `${error.message}\nAnother program has this port: stop it, or set PORT.`;
  }
  const cause = error.cause instanceof Error ? `\nbecause ${error.cause.message}` : '';
  return `${error.stack ?? error.message}${cause}`;
}
