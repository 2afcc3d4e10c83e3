import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { AppError } from '#lib/shared/errors.ts';

const derive = promisify(argon2);
const cost = { memory: 19_456, passes: 2, parallelism: 1 };

/** Argon2id in the PHC string format, which carries its own cost and salt. */
export async function hashPassword(password: string): Promise<string> {
  const nonce = randomBytes(16);
  const hash = await derive('argon2id', {
    ...cost,
    message: plain(password),
    nonce,
    tagLength: 32,
  });
  const { memory, passes, parallelism } = cost;
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${unpadded(nonce)}$${unpadded(hash)}`;
}

/** Without a hash (an unknown person, one without a password) it takes as long, and is false. */
export async function verifyPassword(
  stored: string | null | undefined,
  password: string,
): Promise<boolean> {
  const known = parse(stored ?? '');
  const { memory, passes, parallelism, nonce, hash } = known ?? nobody;
  const settings = { memory, passes, parallelism, nonce, tagLength: hash.length };
  const given = await derive('argon2id', { ...settings, message: plain(password) });
  return timingSafeEqual(given, hash) && known !== undefined;
}

/** Refuses what is easily guessed; length counts, not kinds of characters. */
export function assertGoodPassword(field: string, password: string, email: string): void {
  const refuse = (rule: string, params = {}) =>
    new AppError('BAD_INPUT', { fields: [{ field, rule, params }] });
  if ([...password].length < 8) throw refuse('passwordShort', { minimum: 8 });
  if (password.length > 200) throw refuse('passwordLong', { maximum: 200 });
  const plainText = password.toLowerCase();
  const repeats = new Set(plainText).size < 3;
  const isName = [email, email.split('@', 1)[0] ?? ''].includes(plainText);
  if (repeats || isName || common.has(plainText)) throw refuse('passwordCommon');
}

const common = new Set(
  [
    'password password1 password12 password123 passw0rd 12345678 123456789 1234567890 87654321',
    'qwertyui qwertyuiop qwerty123 1q2w3e4r 1q2w3e4r5t 1qaz2wsx q1w2e3r4 asdfghjkl zxcvbnm1',
    'iloveyou sunshine princess football baseball superman trustno1 welcome1 admin123 letmein1',
    'changeme abcd1234 abc12345 11223344 12341234 qazwsxedc йцукенгш пароль12 пароль123',
  ]
    .join(' ')
    .split(' '),
);

const plain = (password: string): string => password.normalize('NFKC');
const unpadded = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');
const nobody = { ...cost, nonce: randomBytes(16), hash: randomBytes(32) };

function parse(stored: string): typeof nobody | undefined {
  const match = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([\w+/]+)\$([\w+/]+)$/.exec(stored);
  if (!match) return undefined;
  const [, memory, passes, parallelism, nonce = '', hash = ''] = match;
  return {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    nonce: Buffer.from(nonce, 'base64'),
    hash: Buffer.from(hash, 'base64'),
  };
}
