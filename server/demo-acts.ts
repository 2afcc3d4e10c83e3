import { newId } from '#lib/shared/ids.ts';
import type { Filling } from './demo-filling.ts';
import { commit, type Committer } from './live/commit.ts';
import type { Tx } from './live/transaction.ts';

const [anna, maria, dmitry] = ['Анна Ковалёва', 'Мария Лебедева', 'Дмитрий Орлов'] as const;
const [boris, aigul, vera] = ['Борис Волков', 'Айгуль Сатпаева', 'Вера Громова'] as const;
const inTwoDays = 2 * 86_400_000;

interface Act {
  by: string;
  run(tx: Tx, of: { filling: Filling; dealId(title: string): Promise<string> }): Promise<unknown>;
}

const note = (by: string, deal: string, named: string, text: string): Act['run'] => {
  return async (tx, { filling, dealId }) =>
    tx
      .insertInto('activities')
      .values({
        organizationId: filling.id,
        id: newId(),
        kind: 'note',
        title: text,
        body: text,
        dealId: await dealId(deal),
        ownerId: filling.memberId(dmitry),
        createdBy: filling.memberId(by),
        doneAt: new Date(),
        mentions: [filling.memberId(named)],
      })
      .execute();
};

/** What people did last: a deal's history has more to tell by it, and their inboxes have something in them. */
const acts: Act[] = [
  {
    by: vera,
    run: async (tx, { filling, dealId }) =>
      tx
        .insertInto('follows')
        .values({
          organizationId: filling.id,
          memberId: filling.memberId(vera),
          entity: 'deals',
          recordId: await dealId('Пять точек: докомплектация'),
          state: 'following',
        })
        .execute(),
  },
  {
    by: anna,
    run: (tx, { filling }) =>
      tx
        .updateTable('deals')
        .set({ value: 111_000_000, priority: 'high' })
        .where('organizationId', '=', filling.id)
        .where('title', '=', 'Пять точек: докомплектация')
        .execute(),
  },
  {
    by: dmitry,
    run: note(
      dmitry,
      'Жернова для K-64, 30 комплектов',
      anna,
      `@${anna}, сумму оставляем 115 или 120?`,
    ),
  },
  {
    by: aigul,
    run: note(aigul, 'Гостиница «Иртыш»: бар и два этажа', boris, `@${boris}, покажете им бар?`),
  },
  {
    by: maria,
    run: (tx, { filling }) =>
      tx
        .insertInto('activities')
        .values({
          organizationId: filling.id,
          id: newId(),
          kind: 'task',
          title: 'Проверить предложение для «Маяка»',
          ownerId: filling.memberId(boris),
          dueAt: new Date(Date.now() + inTwoDays),
          createdBy: filling.memberId(maria),
        })
        .execute(),
  },
];

export async function actInDemo(live: Committer, filling: Filling): Promise<void> {
  for (const { by, run } of acts) {
    await commit(live, { organizationId: filling.id, actor: filling.memberId(by) }, (tx) =>
      run(tx, { filling, dealId: (title) => dealNamed(tx, filling.id, title) }),
    );
  }
}

async function dealNamed(tx: Tx, organizationId: string, title: string): Promise<string> {
  const deal = await tx
    .selectFrom('deals')
    .select('id')
    .where('organizationId', '=', organizationId)
    .where('title', '=', title)
    .executeTakeFirstOrThrow();
  return deal.id;
}
