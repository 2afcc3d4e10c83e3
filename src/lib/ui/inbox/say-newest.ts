import type { OpenLive } from '#lib/live/context.ts';
import { inboxWords, urgentKinds } from '#lib/shared/inbox.ts';
import { sentenceOf } from '#lib/shared/inbox-sentence.ts';
import { firstNameOf } from '../person.ts';
import type { Toasts } from '../toasts.svelte.ts';
import type { Words } from '../words.svelte.ts';
import { namingOf } from './naming.ts';

interface Here {
  live: OpenLive;
  words: Words;
  toasts: Toasts;
  slug: string;
  goTo: (address: string) => void;
}

const said = new Set<string>();

/** Says what has just come and matters now, once. */
export async function sayNewest({ live, words, toasts, slug, goTo }: Here): Promise<void> {
  const [say, { items }] = await Promise.all([
    inboxWords(words.locale),
    live.api.call.notifications.list.query({ state: 'unread', perPage: 5 }),
  ]);
  const newest = items.find(({ id, kind }) => urgentKinds.includes(kind) && !said.has(id));
  if (!newest) return;
  said.add(newest.id);
  const name = live.rows('members').get(newest.actor)?.name;
  const sentence = sentenceOf(say, newest, namingOf(live, words));
  const start = name ? `${firstNameOf(name)} ${sentence}` : sentence;
  toasts.show({
    text: `${start} (${newest.title})`,
    action: {
      label: words.t('nav.inbox'),
      run: () => goTo(`/o/${slug}/inbox?open=${newest.recordId}`),
    },
  });
}
