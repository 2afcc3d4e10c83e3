import type { OpenLive } from '#lib/live/context.ts';
import { plainText } from '#lib/shared/fields.ts';
import { covers, type Access } from '#lib/shared/standing.ts';

export interface Mentionable {
  id: string;
  name: string;
}

/** A record that a note is about, as far as who may see it goes. */
export interface About {
  entity: 'deals' | 'customers';
  ownerId: string | null;
  teamId: string | null;
}

const most = 6;

/** Who may read a note of mine about a record; the server asks the same. */
export function mentionables(live: OpenLive, { entity, ...record }: About): Mentionable[] {
  const { memberId, teamId } = live.me;
  return live
    .rows('members')
    .all.filter(({ id, isActive, roleId, teamId: theirs }) => {
      const access = live.rows('roles').get(roleId)?.access as Access | undefined;
      if (!isActive || id === memberId || !access) return false;
      const standing = { memberId: id, teamId: theirs, access };
      return (
        covers(standing, `${entity}.view`, record) &&
        covers(standing, 'activities.view', { ownerId: memberId, teamId })
      );
    })
    .map(({ id, name }) => ({ id, name }))
    .sort((a, b) => a.name.localeCompare(b.name));
}

/** The name that is being typed before the caret, from its @ on; undefined where there is none. */
export function typedName(
  text: string,
  caret: number,
): { start: number; typed: string } | undefined {
  const before = text.slice(0, caret);
  const start = before.lastIndexOf('@');
  if (start < 0 || (start > 0 && !/[\s(]/.test(before.charAt(start - 1)))) return undefined;
  const typed = before.slice(start + 1);
  return /\n/.test(typed) || typed.length > 40 ? undefined : { start, typed };
}

/** Those whose name, or a part of it, begins as typed. */
export function fitting(people: Mentionable[], typed: string): Mentionable[] {
  const wanted = plainText(typed);
  const fits = (name: string) =>
    plainText(name).startsWith(wanted) ||
    plainText(name)
      .split(/\s+/)
      .some((part) => part.startsWith(wanted));
  return people.filter(({ name }) => fits(name)).slice(0, most);
}

/** Those of some people whom a text still names. */
export const namedIn = (text: string, people: Mentionable[]): string[] => [
  ...new Set(people.filter(({ name }) => text.includes(`@${name}`)).map(({ id }) => id)),
];

/** A text cut at the names in it, so that they can be told from the rest. */
export function cutAtNames(
  text: string,
  people: Mentionable[],
): { text: string; isName: boolean }[] {
  const names = people.map(({ name }) => `@${name}`).sort((a, b) => b.length - a.length);
  const pieces: { text: string; isName: boolean }[] = [];
  for (let at = 0; at < text.length;) {
    const found = names
      .map((name) => ({ name, place: text.indexOf(name, at) }))
      .filter(({ place }) => place >= 0)
      .sort((a, b) => a.place - b.place)[0];
    const end = found?.place ?? text.length;
    if (end > at) pieces.push({ text: text.slice(at, end), isName: false });
    if (found) pieces.push({ text: found.name, isName: true });
    at = end + (found?.name.length ?? 0);
  }
  return pieces;
}
