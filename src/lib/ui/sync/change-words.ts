import type { Live } from '#lib/live/live.svelte.ts';
import type { RefusedChange, UnsentChange } from '#lib/live/unsent.ts';
import type { MessageKey } from '#lib/shared/i18n.ts';
import { faultText } from '../fault.ts';
import { fieldText } from '../field-fault.ts';
import type { Words } from '../words.svelte.ts';

/** A change as a person reads it. */
export interface ChangeWords {
  what: string;
  /** The record, by the name it had. */
  about: string;
  fields: { name: string; label: string; value: string }[];
  when: string;
}

const labels: Record<string, MessageKey> = {
  stageId: 'deal.stage',
  ownerId: 'deal.owner',
  customerId: 'deal.customer',
  openedOn: 'deal.opened',
  expectedCloseOn: 'deal.closing',
  closedOn: 'deal.closed',
  lostReasonId: 'deal.lostReason',
  kind: 'activity.kind',
  dueAt: 'activity.when',
};

/** The names of records, of those that this browser holds, by the field that points at them. */
const pointsAt = {
  stageId: 'stages',
  ownerId: 'members',
  customerId: 'customers',
  lostReasonId: 'lostReasons',
  productId: 'products',
  dealId: 'deals',
} as const;

export function changeWords(
  { name, input, about, madeAt }: UnsentChange,
  { words, live }: { words: Words; live: Live },
): ChangeWords {
  const { t } = words;
  const say: (key: MessageKey) => string = t;
  const key = `change.${name}`;
  const [entity = ''] = name.split('.');
  const fields = Object.entries((input ?? {}) as Record<string, unknown>);
  const titled = fields.find(([field]) => field === 'title' || field === 'name');
  const made = new Date(madeAt);
  return {
    what: say(t.knows(key) ? key : 'change.other'),
    about: about ?? String(titled?.[1] ?? ''),
    fields: fields.flatMap(([field, value]) => {
      const label = labelOf(words, entity, field);
      if (!label || value === undefined) return [];
      return [{ name: field, label, value: valueText(field, value, { words, live, input }) }];
    }),
    when: t('tray.madeAt', { date: words.fullDay(words.dayOf(made)), time: words.clock(made) }),
  };
}

/** Why it was refused: the fields that are wrong, else the reason. */
export function refusalWords(
  { name, code, details }: RefusedChange,
  { words }: { words: Words },
): string {
  const [entity = ''] = name.split('.');
  const faults = details.fields?.map(({ field }) => {
    const label = labelOf(words, entity, field);
    const fault = fieldText(words.t, { details }, field);
    return label ? `${label}: ${fault}` : fault;
  });
  return faults?.length ? faults.join('. ') : faultText(words.t, { code, details });
}

/** For the clipboard: whatever was typed, in full. */
export function plainText({ what, about, fields, when }: ChangeWords, why?: string): string {
  return [
    [what, about].filter(Boolean).join(': '),
    ...fields.map(({ label, value }) => `${label}: ${value}`),
    when,
    ...(why ? [why] : []),
  ].join('\n');
}

function labelOf({ t }: Words, entity: string, field: string): string | undefined {
  const say: (key: MessageKey) => string = t;
  const singular = entity === 'activities' ? 'activity' : entity.replace(/s$/, '');
  const keys = [labels[field] ?? '', `${singular}.${field}`, `deal.${field}`, `field.${field}`];
  const key = keys.find((one) => t.knows(one));
  return key && t.knows(key) ? say(key) : undefined;
}

function valueText(
  field: string,
  value: unknown,
  { words, live, input }: { words: Words; live: Live; input: unknown },
): string {
  if (value === null || value === '') return words.t('tray.asNow');
  if (field in pointsAt) return nameOf(live, field as keyof typeof pointsAt, String(value));
  if (field === 'value' && typeof value === 'number') {
    const { id, currency } = input as { id?: string; currency?: string };
    return words.money({ value, currency: live.rows('deals').get(id)?.currency ?? currency ?? '' });
  }
  if (field === 'probability') return words.percent(Number(value));
  if (field.endsWith('On')) return words.fullDay(String(value));
  if (field.endsWith('At') && typeof value === 'number') {
    const at = new Date(value);
    return `${words.fullDay(words.dayOf(at))}, ${words.clock(at)}`;
  }
  return Array.isArray(value) ? value.join(', ') : String(value);
}

function nameOf(live: Live, field: keyof typeof pointsAt, id: string): string {
  const row: object | undefined = live.rows(pointsAt[field]).get(id);
  const { name, title } = { ...row } as { name?: string; title?: string };
  return title ?? name ?? id;
}
