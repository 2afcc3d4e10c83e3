import { readFileSync } from 'node:fs';
import { registerHooks, stripTypeScriptTypes } from 'node:module';
import { fileURLToPath } from 'node:url';
import { compileModule } from 'svelte/compiler';

/** A place in a file of the product that reads otherwise in the simulator; it must be there once. */
export interface Patch {
  file: string;
  find: string;
  replace: string;
}

const top = new URL('../../', import.meta.url).href;
const folders = ['src/', 'server/', 'db/'].map((folder) => top + folder);
const standIns = new Map(
  Object.entries({
    'socket.io': 'stand-ins/socket.io.ts',
    'socket.io-client': 'stand-ins/socket.io-client.ts',
    idb: 'stand-ins/idb.ts',
    'prom-client': 'stand-ins/prom-client.ts',
    'node:timers/promises': 'stand-ins/timers.ts',
  }).map(([name, file]) => [name, new URL(file, import.meta.url).href]),
);
const builds = new Map<string, Patch[]>();

const buildOf = (url: string | undefined): string | undefined =>
  url ? /\?build=([\w.-]+)$/.exec(url)?.[1] : undefined;

/**
 * The product's own modules as they are, with the libraries that touch the world exchanged, once for each
 * build: an older and a newer version of the product run side by side, and so does one with a mistake.
 */
export function startHooks(): void {
  // That Node's own reader of types is young is no news for whoever runs this.
  process.removeAllListeners('warning');
  registerHooks({
    resolve(specifier, context, next) {
      const build = buildOf(context.parentURL);
      const standIn = build && standIns.get(specifier);
      if (standIn) return { url: standIn, shortCircuit: true };
      const found = next(specifier, context);
      const isOurs = folders.some((folder) => found.url.startsWith(folder));
      return build && isOurs && !buildOf(found.url)
        ? { ...found, url: `${found.url}?build=${build}` }
        : found;
    },
    load(url, context, next) {
      const build = buildOf(url);
      if (!build) return next(url, context);
      return {
        format: 'module',
        source: sourceOf(url, builds.get(build) ?? []),
        shortCircuit: true,
      };
    },
  });
}

function sourceOf(url: string, patches: Patch[]): string {
  const [address = url] = url.split('?');
  let source = readFileSync(fileURLToPath(address), 'utf8');
  for (const { file, find, replace } of patches) {
    if (address !== top + file) continue;
    const places = source.split(find).length - 1;
    if (places !== 1) throw new Error(`${file} has ${places} places that read: ${find}`);
    source = source.replace(find, () => replace);
  }
  const script = stripTypeScriptTypes(source);
  if (!address.endsWith('.svelte.ts')) return script;
  return compileModule(script, { filename: fileURLToPath(address), generate: 'server' }).js.code;
}

/** Makes a build of the product known; its modules are loaded when they are first asked for. */
export function defineBuild(name: string, patches: Patch[]): void {
  builds.set(name, patches);
}

/** A module of the product in a build. */
export const load = <T>(build: string, file: string): Promise<T> =>
  import(`${top}${file}?build=${build}`) as Promise<T>;
