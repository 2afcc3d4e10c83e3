import { newId } from '#lib/shared/ids.ts';
import { rankBetween } from '#lib/shared/rank.ts';
import type { Tx } from './live/transaction.ts';

type Language = 'en' | 'ru';
type Own = { organizationId: string; createdBy: string };

export const roleNames: Record<Language, Record<string, string>> = {
  en: {
    owner: 'Owner',
    admin: 'Administrator',
    manager: 'Manager',
    sales: 'Sales',
    viewer: 'Viewer',
    customer: 'Customer',
  },
  ru: {
    owner: 'Владелец',
    admin: 'Администратор',
    manager: 'Руководитель',
    sales: 'Продажи',
    viewer: 'Наблюдатель',
    customer: 'Клиент',
  },
};

const stages = [
  { en: 'Lead', ru: 'Лид', kind: 'open', probability: 10 },
  { en: 'Qualified', ru: 'Квалификация', kind: 'open', probability: 25 },
  { en: 'Proposal', ru: 'Предложение', kind: 'open', probability: 50 },
  { en: 'Negotiation', ru: 'Переговоры', kind: 'open', probability: 75 },
  { en: 'Won', ru: 'Выиграна', kind: 'won', probability: 100 },
  { en: 'Lost', ru: 'Проиграна', kind: 'lost', probability: 0 },
] as const;

const lostReasons = [
  { en: 'Price', ru: 'Цена' },
  { en: 'Chose a competitor', ru: 'Выбрали конкурента' },
  { en: 'No budget', ru: 'Нет бюджета' },
  { en: 'Not now', ru: 'Не сейчас' },
  { en: 'No answer', ru: 'Не отвечают' },
];

/** The default pipeline of a new organization. */
export async function addPipeline(tx: Tx, own: Own, language: Language): Promise<void> {
  const pipelineId = newId();
  const name = { en: 'Sales', ru: 'Продажи' }[language];
  await tx
    .insertInto('pipelines')
    .values({ ...own, id: pipelineId, name, isDefault: true, position: rankBetween(null, null) })
    .execute();
  const rows = usualStages(language).map((stage) => ({
    ...own,
    ...stage,
    id: newId(),
    pipelineId,
  }));
  await tx.insertInto('stages').values(rows).execute();
}

export function usualStages(language: Language) {
  return placed(stages).map(({ kind, probability, position, ...stage }) => {
    return { name: stage[language], kind, probability, position };
  });
}

export async function addLostReasons(tx: Tx, own: Own, language: Language): Promise<void> {
  const rows = placed(lostReasons).map((reason) => {
    return { ...own, id: newId(), name: reason[language], position: reason.position };
  });
  await tx.insertInto('lostReasons').values(rows).execute();
}

function placed<T>(items: readonly T[]): (T & { position: string })[] {
  let position: string | null = null;
  return items.map((item) => {
    position = rankBetween(position, null);
    return { ...item, position };
  });
}
