import type { MessageKey, Translate } from '#lib/shared/i18n.ts';

/** A built-in role in the reader's language, one of the organization's own as it was named. */
export function roleName(t: Translate, { slug, name }: { slug: string; name: string }): string {
  const key = `role.${slug}`;
  const say: (key: MessageKey) => string = t;
  return t.knows(key) ? say(key) : name;
}
