import type { Admission } from '../live/watcher.ts';
import { credentialsOf, identifyPerson } from './identify.ts';
import { memberFor } from './membership.ts';
import type { AuthParts } from './person.ts';

/** Decides over the handshake of a socket; its headers are all strings. */
export async function admit(
  parts: AuthParts,
  { headers, organization }: { headers: Record<string, string | undefined>; organization: string },
): Promise<Admission | undefined> {
  const found = await identifyPerson(parts, {
    ...credentialsOf({ headers, method: 'GET' }),
    customHeader: false,
  });
  const member = found && memberFor(found.person, found.identity, organization);
  return member && { member, sessionHash: found.identity.sessionHash };
}
