import { lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import type { Config } from '../config.ts';

/** What is no public address of version 4: this machine, private networks, and what is kept for special uses. */
const special = new BlockList();
for (const [address, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const)
  special.addSubnet(address, prefix, 'ipv4');

/** Of version 6 only what is routed is public, without what leads back into version 4 or nowhere. */
const routed = new BlockList();
routed.addSubnet('2000::', 3, 'ipv6');
const leadsElsewhere = new BlockList();
leadsElsewhere.addSubnet('2001::', 23, 'ipv6');
leadsElsewhere.addSubnet('2001:db8::', 32, 'ipv6');
leadsElsewhere.addSubnet('2002::', 16, 'ipv6');
leadsElsewhere.addSubnet('3fff::', 20, 'ipv6');

export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 4) return !special.check(address, 'ipv4');
  return routed.check(address, 'ipv6') && !leadsElsewhere.check(address, 'ipv6');
}

export const isTestService = (
  endpoint: string,
  { pushTestService }: Pick<Config, 'pushTestService'>,
): boolean => pushTestService !== undefined && new URL(endpoint).origin === pushTestService;

/**
 * Whether an address that a browser names may be posted to: a name, by https, at the usual port. Where the
 * name leads is looked at with each connection, by `publicLookup`.
 */
export function isPushEndpoint(endpoint: string, config: Pick<Config, 'pushTestService'>): boolean {
  if (!URL.canParse(endpoint)) return false;
  if (isTestService(endpoint, config)) return true;
  const { protocol, username, password, port, hostname } = new URL(endpoint);
  const isAddress = isIP(hostname.replace(/^\[|\]$/g, '')) !== 0;
  return protocol === 'https:' && !username && !password && !port && !isAddress;
}

/** A name led to where this server must not be made to look. */
export class NotPublic extends Error {}

/** Finds the addresses of a name for a connection, and fails where one of them is not public. */
export const publicLookup: LookupFunction = (hostname, options, done) => {
  lookup(hostname, { ...options, all: true }, (error, found) => {
    if (error) return done(error, '');
    const [first] = found;
    if (!first || !found.every(({ address }) => isPublicAddress(address)))
      return done(new NotPublic(`${hostname} is not a public address`), '');
    return options.all ? done(null, found) : done(null, first.address, first.family);
  });
};
