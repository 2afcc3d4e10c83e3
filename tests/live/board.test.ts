import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { deleteDeal, moveDeal, updateDeal } from '#lib/shared/deals.ts';
import { until } from '#tests/support/person.ts';
import { demoServer } from '#tests/support/stage.ts';
import { anyDealIn, atBoard, shown, stageNamed, stageOf, type AtBoard } from './at-board.ts';

const stage = demoServer();

const come = (email: string): Promise<AtBoard> => atBoard(stage.server.url, email);

async function totalsInSql(pipelineId: string): Promise<Map<string, number[]>> {
  const { rows } = await stage.admin.query<{ group: string; figures: string[] }>(
    `select stage_id || '/' || currency as group, array[count(*), coalesce(sum(value), 0), coalesce(sum(expected_revenue), 0)]::text[] as figures
     from crm.deals where pipeline_id = $1 group by 1`,
    [pipelineId],
  );
  return new Map(rows.map(({ group, figures }) => [group, figures.map(Number)]));
}

describe('a board of several people', () => {
  test('a move is shown at once, reaches the others, and leaves no pending change', async () => {
    const [anna, vera] = await Promise.all([come('anna@demo.test'), come('vera@demo.test')]);
    const from = stageNamed(anna, 'open', 0);
    const to = stageNamed(anna, 'open', 2);
    const deal = anyDealIn(anna, from.id);
    const { done } = anna.live.change(moveDeal, { id: deal.id, stageId: to.id });
    expect(stageOf(anna, deal.id)).toBe(to.id);
    expect(anna.live.rows('deals').get(deal.id)?.probability).toBe(to.probability);
    expect(await done).toMatchObject({ ok: true });
    await until('vera sees it', () => stageOf(vera, deal.id) === to.id);
    await until('nothing is pending', () => anna.live.unsent === 0);
    expect(vera.live.notes.of('deals', deal.id)?.by).toBe(anna.me.memberId);
    expect(vera.live.notes.of('deals', deal.id)?.fields['stageId']).toEqual({
      from: from.id,
      to: to.id,
    });
    anna.leave();
    vera.leave();
  });

  test('what the administrator of the database changes moves on every open board', async () => {
    const vera = await come('vera@demo.test');
    const deal = anyDealIn(vera, stageNamed(vera, 'open', 1).id);
    await stage.admin.query('update crm.deals set stage_id = $1 where id = $2', [
      stageNamed(vera, 'open', 3).id,
      deal.id,
    ]);
    await until('it moved', () => stageOf(vera, deal.id) === stageNamed(vera, 'open', 3).id);
    await until('the totals follow', () => JSON.stringify([...shown(vera.totals)].sort()) !== '[]');
    expect(vera.live.notes.of('deals', deal.id)?.by).toBeNull();
    vera.leave();
  });

  test('a refused change leaves no trace and says why', async () => {
    const vera = await come('vera@demo.test');
    const deal = anyDealIn(vera, stageNamed(vera, 'open', 0).id);
    const before = new Map(vera.totals.groups);
    const { done } = vera.live.change(moveDeal, {
      id: deal.id,
      stageId: stageNamed(vera, 'open', 1).id,
    });
    expect(stageOf(vera, deal.id)).not.toBe(deal.stageId);
    const outcome = await done;
    expect(outcome.ok || outcome.error.code).toBe('FORBIDDEN');
    expect(stageOf(vera, deal.id)).toBe(deal.stageId);
    expect(new Map(vera.totals.groups)).toEqual(before);
    vera.leave();
  });

  test('a deal that is won leaves the open deals and counts in the stage of the won', async () => {
    const [anna, boris] = await Promise.all([come('anna@demo.test'), come('boris@demo.test')]);
    const won = stageNamed(anna, 'won');
    const deal = boris.live.rows('deals').all[0];
    if (!deal) throw new Error('Boris sees no deal');
    const key = `${won.id}/${deal.currency}`;
    const before = boris.totals.groups.get(key)?.[0] ?? 0;
    const { done, undo } = anna.live.change(moveDeal, {
      id: deal.id,
      stageId: won.id,
      value: 5_000,
    });
    expect(anna.live.rows('deals').get(deal.id)?.state).toBe('won');
    await done;
    await until('it left', () => !boris.live.rows('deals').get(deal.id));
    await until('it counts', () => boris.totals.groups.get(key)?.[0] === before + 1);
    expect(await undo?.()).toMatchObject({ undone: true });
    await until('it is open again', () => boris.live.rows('deals').get(deal.id)?.state === 'open');
    anna.leave();
    boris.leave();
  });

  test('two change different fields of one deal and both stand', async () => {
    const [anna, maria] = await Promise.all([come('anna@demo.test'), come('maria@demo.test')]);
    const deal = anyDealIn(anna, stageNamed(anna, 'open', 0).id);
    const changes = [
      anna.live.change(updateDeal, { id: deal.id, title: 'Переименована' }).done,
      maria.live.change(updateDeal, { id: deal.id, value: 777_00 }).done,
    ];
    await Promise.all(changes);
    for (const person of [anna, maria]) {
      await until('both are there', () => {
        const row = person.live.rows('deals').get(deal.id);
        return row?.title === 'Переименована' && row.value === 777_00;
      });
    }
    anna.leave();
    maria.leave();
  });

  test('undo takes back a move, but not what somebody else did since', async () => {
    const [anna, maria] = await Promise.all([come('anna@demo.test'), come('maria@demo.test')]);
    const first = stageNamed(anna, 'open', 0);
    const deal = anyDealIn(anna, first.id);
    await anna.live.change(moveDeal, { id: deal.id, stageId: stageNamed(anna, 'open', 1).id }).done;
    expect(await anna.live.undoLast()).toMatchObject({ undone: true });
    await until('it is back', () => stageOf(maria, deal.id) === first.id);
    const again = anna.live.change(moveDeal, {
      id: deal.id,
      stageId: stageNamed(anna, 'open', 1).id,
    });
    await again.done;
    await until('maria sees it', () => stageOf(maria, deal.id) === stageNamed(anna, 'open', 1).id);
    await maria.live.change(moveDeal, { id: deal.id, stageId: stageNamed(anna, 'open', 2).id })
      .done;
    await until('anna sees it', () => stageOf(anna, deal.id) === stageNamed(anna, 'open', 2).id);
    expect(await again.undo?.()).toEqual({ undone: false, skipped: ['stageId'] });
    expect(stageOf(anna, deal.id)).toBe(stageNamed(anna, 'open', 2).id);
    anna.leave();
    maria.leave();
  });

  test('a deleted deal can be restored with what belonged to it', async () => {
    const anna = await come('anna@demo.test');
    const deal = anna.live.rows('deals').all.find(({ nextActivityId }) => nextActivityId);
    if (!deal) throw new Error('No deal has an activity');
    const removed = anna.live.change(deleteDeal, { id: deal.id });
    expect(anna.live.rows('deals').get(deal.id)).toBeUndefined();
    await removed.done;
    expect(await removed.undo?.()).toMatchObject({ undone: true });
    await until(
      'it is there again',
      () => anna.live.rows('deals').get(deal.id)?.nextActivityId === deal.nextActivityId,
    );
    anna.leave();
  });

  test('after a thousand random moves of three people all agree with the database, totals too', async () => {
    const people = await Promise.all(
      ['anna@demo.test', 'maria@demo.test', 'dmitry@demo.test'].map(come),
    );
    const [anna] = people;
    if (!anna) throw new Error('Nobody came');
    const open = anna.stages.filter(({ kind }) => kind === 'open');
    const ids = anna.live.rows('deals').all.map(({ id }) => id);
    let seed = 20_261_120;
    const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
    const pending: Promise<unknown>[] = [];
    for (let move = 0; move < 1_000; move += 1) {
      const person = people[random(people.length)];
      const id = ids[random(ids.length)] ?? '';
      const stageId = open[random(open.length)]?.id ?? '';
      if (person) pending.push(person.live.change(moveDeal, { id, stageId }).done);
      if (move % 20 === 0) await sleep(2);
    }
    await Promise.all(pending);
    const sql = await totalsInSql(anna.pipelineId);
    const { rows } = await stage.admin.query<{ id: string; stage_id: string }>(
      'select id, stage_id from crm.deals where pipeline_id = $1 and state = $2',
      [anna.pipelineId, 'open'],
    );
    const truth = new Map(rows.map((row) => [row.id, row.stage_id]));
    for (const person of people) {
      await until('the totals agree', () => equalMaps(shown(person.totals), sql));
      expect(new Map(person.live.rows('deals').all.map((row) => [row.id, row.stageId]))).toEqual(
        truth,
      );
      person.leave();
    }
  }, 60_000);
});

function equalMaps(a: Map<string, number[]>, b: Map<string, number[]>): boolean {
  return JSON.stringify([...a].sort()) === JSON.stringify([...b].sort());
}
