import type { MessageKey, Translate } from '#lib/shared/i18n.ts';
import { en } from '#lib/shared/messages-en.ts';

/** A built-in role in the reader's language, one of the organization's own as it was named. */
export function roleName(t: Translate, { slug, name }: { slug: string; name: string }): string {
  const key = `role.${slug}`;
  return isMessage(key) ? (t as (key: MessageKey) => string)(key) : name;
}

function isMessage(key: string): key is MessageKey {
  return key in en;
}
