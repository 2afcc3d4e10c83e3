import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { connect } from '#db/connect.ts';
import { migrate } from '#db/migrate.ts';
import { runCommand } from '../commands/command.ts';
import { CommandError } from '../explain.ts';
import { Flush } from '../live/flush.ts';
import { makeAdministrator } from './make-administrator.ts';

const usage = `usage: npm run create-admin -- --email ADDRESS --organization NAME [--name NAME] [--locale en|ru]

Makes ADDRESS an administrator of the organization with this name or address, which is made when there
is none, and prints a password that is good for one sign-in. An account that exists gets a new password.`;

await runCommand(async ({ config, log, url }) => {
  const { email, organization, name, locale } = read();
  await migrate({ url, log });
  const { pool, db, close } = connect({
    url: config.databaseAppUrl ?? url,
    name: 'syncline admin',
  });
  try {
    const live = { pool, flush: new Flush(pool), poke: () => undefined };
    const password = oneTimePassword();
    const made = await makeAdministrator(
      { config, db, log, live, pool },
      { email, organization, name, locale, password },
    );
    process.stdout.write(
      `${email} is ${made.role} of ${made.name} (/o/${made.slug}).\n` +
        `Password for the first sign-in, to be changed then: ${password}\n`,
    );
  } finally {
    await close();
  }
});

function read() {
  const text = { type: 'string' } as const;
  const options = {
    email: text,
    organization: text,
    name: text,
    locale: text,
    help: { type: 'boolean' },
  } as const;
  const { values } = parseArgs({ options, strict: false });
  const { email, organization, name, locale, help } = values;
  if (help === true) throw new CommandError(usage);
  if (typeof email !== 'string' || !/^[^@\s]+@[^@\s]+$/.test(email)) throw new CommandError(usage);
  if (typeof organization !== 'string' || !organization.trim()) throw new CommandError(usage);
  return {
    email,
    organization: organization.trim(),
    name: typeof name === 'string' ? name : (email.split('@', 1)[0] ?? email),
    locale: locale === 'ru' ? ('ru' as const) : ('en' as const),
  };
}

// Without letters and digits that look alike; about 95 bits.
function oneTimePassword(): string {
  const signs = 'abcdefghjkmnpqrstuvwxyz23456789';
  const group = () =>
    Array.from({ length: 5 }, () => signs.charAt(randomInt(signs.length))).join('');
  return Array.from({ length: 4 }, group).join('-');
}
