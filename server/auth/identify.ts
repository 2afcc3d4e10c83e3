import type { IncomingMessage } from 'node:http';
import type { Proof } from '../live/commit.ts';
import { isAccessToken, verifyAccess } from './access-tokens.ts';
import { findKey } from './api-keys.ts';
import type { AuthParts, Person } from './person.ts';
import { findSession, rememberSession } from './sessions.ts';

/** Who calls. */
export interface Identity {
  userId: string;
  via: 'session' | 'token' | 'key';
  /** Names the sign-in, which may end at any time: `livingSignIns`. */
  sessionHash?: string;
  /** The one organization that a token or key is good for. */
  organizationId?: string;
  keyId?: string;
}

export interface Credentials {
  cookie?: string | undefined;
  authorization?: string | undefined;
  origin?: string | undefined;
  /** The origin that this request was sent to; PUBLIC_URL takes its place. */
  ownOrigin?: string | undefined;
  method: string;
  /** Whether `x-syncline: 1` was sent, which another site's page cannot do. */
  customHeader: boolean;
}

export interface Identified {
  identity: Identity;
  person: Person;
  /** A Set-Cookie line, when the session has just been extended. */
  setCookie: string | undefined;
}

/** Undefined when nobody is signed in, or when what was shown is not good. */
export async function identify(
  parts: AuthParts,
  credentials: Credentials,
): Promise<Identity | undefined> {
  return (await identifyPerson(parts, credentials))?.identity;
}

/** A bearer token that is not good is never mended by a cookie beside it. */
export async function identifyPerson(
  parts: AuthParts,
  credentials: Credentials,
): Promise<Identified | undefined> {
  const { authorization, cookie } = credentials;
  if (authorization !== undefined) {
    const token = /^bearer (\S+)$/i.exec(authorization)?.[1];
    const found = token && isAccessToken(token) ? await verifyAccess(parts, token) : undefined;
    if (!found) return undefined;
    const { person, familyId, organizationId } = found;
    const identity: Identity = {
      userId: person.userId,
      via: 'token',
      sessionHash: familyId,
      ...(organizationId ? { organizationId } : {}),
    };
    return { person, identity, setCookie: undefined };
  }
  return cookie && mayUseCookie(parts, credentials) ? identifyPage(parts, cookie) : undefined;
}

/** By the cookie alone: for pages, which change nothing but by forms whose Origin Kit has checked. */
export async function identifyPage(
  parts: AuthParts,
  cookie: string | undefined,
): Promise<Identified | undefined> {
  const found = cookie ? await findSession(parts, cookie) : undefined;
  if (!found) return undefined;
  const { person, sessionHash, renewedCookie } = found;
  return {
    person,
    identity: { userId: person.userId, via: 'session', sessionHash },
    setCookie: renewedCookie?.serialize(),
  };
}

/** Who sent a request when the same cookie last came, to be made sure of. */
export function identifyAgain(
  parts: AuthParts,
  request: Pick<IncomingMessage, 'headers' | 'method'>,
): (Identified & { proof: Proof }) | undefined {
  const credentials = credentialsOf(request);
  const { authorization, cookie } = credentials;
  if (authorization !== undefined || !cookie || !mayUseCookie(parts, credentials)) return undefined;
  const remembered = rememberSession(parts, cookie);
  if (!remembered) return undefined;
  const { person, sessionHash, proof } = remembered;
  const identity: Identity = { userId: person.userId, via: 'session', sessionHash };
  return { person, identity, proof, setCookie: undefined };
}

export function identifyRequest(
  parts: AuthParts,
  request: Pick<IncomingMessage, 'headers' | 'method'>,
): Promise<Identified | undefined> {
  return identifyPerson(parts, credentialsOf(request));
}

/**
 * For REST, where programs show keys. A key speaks for itself: beside a token it is not taken, and no cookie
 * mends one that is not good.
 */
export async function identifyProgram(
  parts: AuthParts,
  request: Pick<IncomingMessage, 'headers' | 'method'>,
): Promise<(Identified & { proof?: Proof }) | undefined> {
  const { 'x-api-key': key, authorization } = request.headers;
  if (key === undefined) return identifyRequest(parts, request);
  if (typeof key !== 'string' || authorization !== undefined) return undefined;
  const found = await findKey(parts, key);
  if (!found) return undefined;
  const { person, organizationId, keyId, proof } = found;
  const identity: Identity = { userId: person.userId, via: 'key', organizationId, keyId };
  return { person, identity, proof, setCookie: undefined };
}

export function credentialsOf({
  headers,
  method = 'GET',
}: Pick<IncomingMessage, 'headers' | 'method'>): Credentials {
  const host = headers['x-forwarded-host'] ?? headers.host;
  return {
    cookie: headers.cookie,
    authorization: headers.authorization,
    origin: headers.origin,
    ownOrigin: host
      ? `${String(headers['x-forwarded-proto'] ?? 'http')}://${String(host)}`
      : undefined,
    method,
    customHeader: headers['x-syncline'] === '1',
  };
}

/**
 * A browser adds cookies to whatever another site's page sends us. It names that site in Origin, which
 * may be missing only where nothing changes; and a page of another site cannot add a header of ours
 * unasked. A WebSocket cannot either, but always has its Origin.
 */
function mayUseCookie(
  { config }: AuthParts,
  { origin, ownOrigin, method, customHeader }: Credentials,
): boolean {
  const own = config.publicUrl ?? ownOrigin;
  const isOurs = origin !== undefined && own !== undefined && origin === own;
  if (origin !== undefined && !isOurs) return false;
  const isReading = method === 'GET' || method === 'HEAD';
  return isReading ? isOurs || customHeader : isOurs && customHeader;
}
