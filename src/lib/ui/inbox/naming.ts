import type { OpenLive } from '#lib/live/context.ts';
import { fieldName } from '#lib/shared/inbox-fields.ts';
import type { Naming } from '#lib/shared/inbox-sentence.ts';
import type { Words } from '../words.svelte.ts';

/** The names of this page's language and of the rows that are here. */
export const namingOf = (live: OpenLive, words: Words): Naming => ({
  stage: (id) => live.rows('stages').get(id)?.name,
  field: (name) => fieldName(words.t, name)?.toLocaleLowerCase(words.locale),
  money: (value, currency) => words.compactMoney({ value, currency }),
  day: (moment) => words.shortDay(words.dayOf(new Date(moment))),
});
