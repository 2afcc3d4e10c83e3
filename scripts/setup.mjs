// Makes a clone ready for `npm start`, `npm run dev` or `npm test`. Runs on the machine's own Node
// (20.19 or newer) before anything is installed, so it uses nothing but Node. Each step is skipped when
// what it depends on has not changed since it last succeeded.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const top = fileURLToPath(new URL('..', import.meta.url));
/** The Node that comes with the packages; the program needs a newer one than machines have. */
export const nodeProgram = path.join(top, 'node_modules', 'node', 'bin', 'node');
const isWindows = process.platform === 'win32';
const BUILD_INPUTS = ['src', 'server', 'db', 'static', 'svelte.config.js', 'vite.config.ts'];
const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/**
 * `start`: packages and pages. `dev`, `command`: packages. `test`: packages, pages, a browser, and Redis
 * where it can be had.
 * @param {string} purpose
 */
export function setup(purpose) {
  requireNode();
  withLock(() => {
    installPackages();
    if (purpose === 'start' || purpose === 'test') buildPages();
    if (purpose === 'dev') run('svelte-kit', ['sync'], { quiet: true });
    if (purpose === 'test') {
      findBrowser();
      findRedis();
    }
  });
}

function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  fail(`Syncline needs Node.js 20.19 or newer; this is ${process.versions.node}.`);
}

function installPackages() {
  const stamp = path.join(top, 'node_modules', '.syncline-installed');
  const wanted = hashOf(['package-lock.json']);
  if (readIfThere(stamp) === wanted) return;
  say('Installing packages…');
  npm(['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  // Where npm is told to run no install scripts, the one that fetches Node is run here.
  if (!existsSync(nodeProgram)) {
    execFileSync(process.execPath, ['installArchSpecificPackage.js'], {
      cwd: path.join(top, 'node_modules', 'node'),
      stdio: ['ignore', 2, 2],
    });
  }
  writeFileSync(stamp, wanted);
}

function buildPages() {
  const stamp = path.join(top, 'build', '.syncline-built');
  const wanted = hashOf([...BUILD_INPUTS, 'package-lock.json']);
  if (readIfThere(stamp) === wanted) return;
  say('Building pages…');
  rmSync(stamp, { force: true });
  run('vite', ['build', '--logLevel', 'warn'], { quiet: true });
  writeFileSync(stamp, wanted);
}

function findBrowser() {
  if (ownBrowser() || BROWSERS.some(isOnPath)) return;
  if (canInstall()) {
    say('Installing Chromium for the browser tests…');
    install('chromium');
    if (isOnPath('chromium')) return;
  }
  say('Installing a browser for the browser tests…');
  run('playwright', ['install', 'chromium']);
}

/** Where it cannot be had, the tests of several nodes say that they are not run. */
function findRedis() {
  if (isOnPath('redis-server') || !canInstall()) return;
  say('Installing Redis for the tests of several nodes…');
  install('redis-server');
}

function canInstall() {
  return process.platform === 'linux' && process.getuid?.() === 0 && isOnPath('apt-get');
}

/** @param {string} name */
function install(name) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  spawnSync('apt-get', ['update', '-qq'], { stdio: 'ignore', env });
  spawnSync('apt-get', ['install', '-y', '-qq', name], { stdio: 'ignore', env });
}

function ownBrowser() {
  const script = "import('playwright').then((p) => console.log(p.chromium.executablePath()))";
  const { stdout } = spawnSync(process.execPath, ['-e', script], { cwd: top, encoding: 'utf8' });
  return existsSync(stdout.trim());
}

/** @param {string} name */
function isOnPath(name) {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  return folders.some((folder) => existsSync(path.join(folder, name)));
}

/**
 * Two commands started at once must not install or build over each other.
 * @param {() => void} work
 */
function withLock(work) {
  const name = createHash('sha256').update(top).digest('hex').slice(0, 16);
  const lock = path.join(tmpdir(), `syncline-setup-${name}`);
  for (let waited = 0; !take(lock); waited++) {
    if (waited === 0) say('Waiting for another command that is setting up…');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
  }
  try {
    work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

/** @param {string} lock */
function take(lock) {
  try {
    mkdirSync(lock);
  } catch {
    const owner = Number(readIfThere(path.join(lock, 'pid')));
    if (owner && !isAlive(owner)) rmSync(lock, { recursive: true, force: true });
    return false;
  }
  writeFileSync(path.join(lock, 'pid'), String(process.pid));
  process.once('exit', () => rmSync(lock, { recursive: true, force: true }));
  return true;
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** The programs of node_modules, on the Node that comes with the packages. */
export function programPath() {
  const bin = path.join(top, 'node_modules', '.bin');
  return `${bin}${path.delimiter}${process.env.PATH ?? ''}`;
}

/**
 * @param {string} program
 * @param {string[]} args
 */
function run(program, args, { quiet = false } = {}) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: top,
    env: { ...process.env, PATH: programPath() },
    stdio: quiet ? 'pipe' : 'inherit',
    encoding: 'utf8',
    shell: isWindows,
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status === 0) return;
  if (quiet) process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`);
  fail(`${program} ${args.join(' ')} failed${error ? `: ${error.message}` : ''}`);
}

/** @param {string[]} args */
function npm(args) {
  const own = process.env.npm_execpath;
  try {
    if (own) execFileSync(process.execPath, [own, ...args], { cwd: top, stdio: ['ignore', 2, 2] });
    else execFileSync('npm', args, { cwd: top, stdio: ['ignore', 2, 2], shell: isWindows });
  } catch {
    fail(`npm ${args.join(' ')} failed`);
  }
}

/** @param {string[]} names */
function hashOf(names) {
  const hash = createHash('sha256');
  for (const name of names) hashInto(hash, name);
  return hash.digest('hex');
}

/**
 * @param {import('node:crypto').Hash} hash
 * @param {string} name
 */
function hashInto(hash, name) {
  const file = path.join(top, name);
  if (!existsSync(file)) return;
  let children;
  try {
    children = readdirSync(file, { withFileTypes: true });
  } catch {
    hash.update(`${name}\0`).update(readFileSync(file)).update('\0');
    return;
  }
  for (const child of children.sort((one, two) => (one.name < two.name ? -1 : 1))) {
    if (child.name !== 'node_modules') hashInto(hash, `${name}/${child.name}`);
  }
}

/** @param {string} file */
function readIfThere(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

/** @param {string} message */
function say(message) {
  process.stderr.write(`${message}\n`);
}

/** @param {string} message */
function fail(message) {
  say(message);
  process.exit(1);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  setup(process.argv[2] ?? 'start');
