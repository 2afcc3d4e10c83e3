import type { InboxWords } from './inbox.ts';

/** What is told, as it stands in its row. */
export interface ToldThing {
  kind: string;
  data: unknown;
  count: number;
}

/** What a sentence names besides people. */
export interface Naming {
  stage(id: string): string | undefined;
  field(name: string): string | undefined;
  money(value: number, currency: string): string;
  day(moment: number): string;
}

interface Data {
  words?: string;
  text?: string;
  dueAt?: string | null;
  madeAt?: string;
  stageId?: string;
  fields?: string[];
  value?: number | null;
  currency?: string;
  days?: number;
}

/** What somebody did, to follow his name; or where nobody did it, what is so. */
export function sentenceOf(say: InboxWords, told: ToldThing, naming: Naming): string {
  const { count } = told;
  const data = (told.data ?? {}) as Data;
  const { words = 'changed', text = '' } = data;
  switch (words) {
    case 'mentioned':
    case 'comment':
      return say(`said.${words}`, { text });
    case 'assignedActivity':
      return withMore(
        data.dueAt
          ? say('said.assignedUntil', { text, day: naming.day(Date.parse(data.dueAt)) })
          : say('said.assignedActivity', { text }),
      );
    case 'assigned':
    case 'undone':
      return say(`said.${words}`, { count });
    case 'won':
      return typeof data.value === 'number'
        ? say('said.wonSum', { sum: naming.money(data.value, data.currency ?? '') })
        : say('said.won');
    case 'lost':
    case 'deleted':
    case 'restored':
      return say(`said.${words}`);
    case 'stage':
      return withMore(say('said.stage', { stage: naming.stage(data.stageId ?? '') ?? '' }));
    case 'planned':
    case 'finished':
      return withMore(say(`said.${words}`, { text }));
    case 'due':
    case 'overdue':
      return say(`told.${words}`, { text });
    case 'refused':
      return say('told.refused', { count, day: naming.day(Date.parse(data.madeAt ?? '')) });
    case 'setAside':
      return say('told.setAside', { count, reader: text });
    case 'sealBroken':
      return say('told.sealBroken', { count });
    case 'rotting':
      return say('told.rotting', { count: data.days ?? 0 });
    default: {
      const named = (data.fields ?? []).flatMap((name) => naming.field(name) ?? []);
      const fields = named.length > 0 ? [...new Set(named)].join(', ') : say('otherFields');
      return withMore(say('said.changed', { fields }));
    }
  }

  function withMore(sentence: string): string {
    return count > 1 ? `${sentence} ${say('more', { count: count - 1 })}` : sentence;
  }
}
