import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { io } from 'socket.io-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dealMeasure } from '#lib/shared/deal-filter.ts';
import { createDeal, deleteDeal, moveDeal, updateDeal } from '#lib/shared/deals.ts';
import type { Stage } from '#lib/shared/entities.ts';
import { newId } from '#lib/shared/ids.ts';
import { byPosition } from '#lib/shared/rank.ts';
import type { LiveTotals } from '#lib/live/totals.svelte.ts';
import { protocolVersion } from '#lib/shared/wire.ts';
import { openAs, until, type Person } from '#tests/support/person.ts';
import { startServer, type TestServer } from '#tests/support/server.ts';

const today = '2026-11-20';
let server: TestServer;
let admin: pg.Client;

beforeAll(async () => {
  server = await startServer({ demo: true });
  admin = new pg.Client({ connectionString: server.databaseUrl });
  await admin.connect();
});
afterAll(async () => {
  await admin.end();
  await server.stop();
});

interface AtBoard extends Person {
  stages: Stage[];
  pipelineId: string;
  totals: LiveTotals;
}

/** Opens the first pipeline, its open deals and its totals. */
async function atBoard(email: string): Promise<AtBoard> {
  const person = await openAs(server.url, email);
  const { live } = person;
  const needed = (['members', 'roles', 'pipelines', 'stages', 'lostReasons'] as const).map(
    (topic) => live.subscribe(topic, {}),
  );
  await until('the directory is there', () => needed.every(({ ready }) => ready));
  const pipelineId = live.rows('pipelines').all.find(({ isDefault }) => isDefault)?.id ?? '';
  const deals = live.subscribe('pipelineDeals', { pipelineId, state: 'open' });
  const params = { pipelineId, today };
  const { totals } = live.subscribeTotals('dealTotals', {
    entity: 'deals',
    params,
    measure: dealMeasure(params),
  });
  await until('the deals are there', () => deals.ready && totals.ready);
  const stages = live
    .rows('stages')
    .all.filter((stage) => stage.pipelineId === pipelineId)
    .sort(byPosition);
  return { ...person, stages, pipelineId, totals };
}

const stageOf = (person: AtBoard, dealId: string): string | undefined =>
  person.live.rows('deals').get(dealId)?.stageId;
const anyDealIn = (person: AtBoard, stageId: string) => {
  const deal = person.live.rows('deals').all.find((one) => one.stageId === stageId);
  if (!deal) throw new Error('The stage is empty');
  return deal;
};
const stageNamed = (person: AtBoard, kind: string, at = 0): Stage => {
  const stage = person.stages.filter((one) => one.kind === kind)[at];
  if (!stage) throw new Error(`No stage ${kind} ${at}`);
  return stage;
};

async function totalsInSql(pipelineId: string): Promise<Map<string, number[]>> {
  const { rows } = await admin.query<{ group: string; figures: string[] }>(
    `select stage_id || '/' || currency as group, array[count(*), coalesce(sum(value), 0), coalesce(sum(expected_revenue), 0)]::text[] as figures
     from crm.deals where pipeline_id = $1 group by 1`,
    [pipelineId],
  );
  return new Map(rows.map(({ group, figures }) => [group, figures.map(Number)]));
}
const shown = (totals: LiveTotals): Map<string, number[]> =>
  new Map(
    [...totals.groups]
      .filter(([, figures]) => figures[0] !== 0)
      .map(([group, figures]) => [group, figures.slice(0, 3)]),
  );

describe('a board of several people', () => {
  test('a move is shown at once, reaches the others, and leaves no pending change', async () => {
    const [anna, vera] = await Promise.all([atBoard('anna@demo.test'), atBoard('vera@demo.test')]);
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
    const vera = await atBoard('vera@demo.test');
    const deal = anyDealIn(vera, stageNamed(vera, 'open', 1).id);
    await admin.query('update crm.deals set stage_id = $1 where id = $2', [
      stageNamed(vera, 'open', 3).id,
      deal.id,
    ]);
    await until('it moved', () => stageOf(vera, deal.id) === stageNamed(vera, 'open', 3).id);
    await until('the totals follow', () => JSON.stringify([...shown(vera.totals)].sort()) !== '[]');
    expect(vera.live.notes.of('deals', deal.id)?.by).toBeNull();
    vera.leave();
  });

  test('a refused change leaves no trace and says why', async () => {
    const vera = await atBoard('vera@demo.test');
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
    const [anna, boris] = await Promise.all([
      atBoard('anna@demo.test'),
      atBoard('boris@demo.test'),
    ]);
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
    const [anna, maria] = await Promise.all([
      atBoard('anna@demo.test'),
      atBoard('maria@demo.test'),
    ]);
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
    const [anna, maria] = await Promise.all([
      atBoard('anna@demo.test'),
      atBoard('maria@demo.test'),
    ]);
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
    const anna = await atBoard('anna@demo.test');
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
      ['anna@demo.test', 'maria@demo.test', 'dmitry@demo.test'].map(atBoard),
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
    const { rows } = await admin.query<{ id: string; stage_id: string }>(
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

describe('a line that breaks', () => {
  test('who comes back gets what was missed, and what was changed meanwhile arrives once', async () => {
    const [anna, vera] = await Promise.all([atBoard('anna@demo.test'), atBoard('vera@demo.test')]);
    await server.kill();
    await until('it is noticed', () => anna.live.connection !== 'online');
    const id = newId();
    const stage = stageNamed(anna, 'open', 0);
    const made = [
      anna.live.change(createDeal, {
        id,
        pipelineId: anna.pipelineId,
        stageId: stage.id,
        rank: 'a0',
        title: 'Без связи',
        currency: 'RUB',
      }).done,
      anna.live.change(updateDeal, { id, value: 100 }).done,
      anna.live.change(moveDeal, { id, stageId: stageNamed(anna, 'open', 1).id }).done,
    ];
    expect(anna.live.unsent).toBe(3);
    expect(stageOf(anna, id)).toBe(stageNamed(anna, 'open', 1).id);
    await server.restart();
    expect(await Promise.all(made)).toMatchObject([{ ok: true }, { ok: true }, { ok: true }]);
    await until('vera has it', () => stageOf(vera, id) === stageNamed(anna, 'open', 1).id, 15_000);
    await until(
      'anna is online',
      () => anna.live.connection === 'online' && anna.live.unsent === 0,
      15_000,
    );
    const { rows } = await admin.query<{ n: number }>(
      `select count(*)::int as n from sync.change_log where entity = 'deals' and id = $1`,
      [id],
    );
    expect(rows[0]?.n).toBe(3);
    anna.leave();
    vera.leave();
  }, 60_000);

  test('another life of the database gives everybody their rows anew', async () => {
    const vera = await atBoard('vera@demo.test');
    const deal = anyDealIn(vera, stageNamed(vera, 'open', 0).id);
    await server.kill();
    await until('it is noticed', () => vera.live.connection !== 'online');
    await admin.query('update sync.state set epoch = gen_random_uuid()');
    await admin.query('alter table crm.deals disable trigger zz_capture');
    await admin.query(`update crm.deals set title = 'Из копии' where id = $1`, [deal.id]);
    await admin.query('alter table crm.deals enable trigger zz_capture');
    await server.restart();
    await until(
      'the rows are there',
      () => vera.live.rows('deals').get(deal.id)?.title === 'Из копии',
      15_000,
    );
    vera.leave();
  }, 60_000);

  test('a change that is sent twice has one effect and the same answer', async () => {
    const anna = await atBoard('anna@demo.test');
    const context = { mutationId: randomUUID() };
    const input = {
      id: newId(),
      pipelineId: anna.pipelineId,
      stageId: stageNamed(anna, 'open').id,
      rank: 'a0',
      title: 'Один раз',
      currency: 'RUB',
    };
    const send = () => anna.live.api.client.mutation('deals.create', input, { context });
    const answers = await Promise.all([send(), send(), send()]);
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
    await expect(
      anna.live.api.client.mutation('deals.create', { ...input, title: 'Другое' }, { context }),
    ).rejects.toThrow('keyReused');
    anna.leave();
  });
});

describe('a socket of a stranger', () => {
  test('garbage neither crashes the server nor is answered with rows', async () => {
    const anna = await atBoard('anna@demo.test');
    const socket = io(server.url, {
      transports: ['websocket'],
      forceNew: true,
      auth: { organization: 'demo', protocol: protocolVersion },
      extraHeaders: { authorization: `Bearer ${anna.token}` },
    });
    const heard: string[] = [];
    socket.onAny((event: string) => heard.push(event));
    await new Promise<void>((resolve) => socket.once('welcome', resolve));
    const garbage: unknown[] = [
      null,
      7,
      'x'.repeat(5_000),
      [],
      { topics: 1 },
      { topics: [{ toString: 1 }], totals: [[]] },
      {
        topics: ['__proto__', 'constructor/x', 'deal/1', 'pipelineDeals/a'],
        totals: ['dealTotals?{', 'x?{}'],
      },
      { topics: ['members'], totals: [], cursor: { epoch: 1, position: 'a', rights: {} } },
    ];
    for (const event of [
      'subscribe',
      'unsubscribe',
      'presence',
      'advance',
      '__proto__',
      'toString',
    ]) {
      for (const message of garbage) socket.emit(event, message);
    }
    await until('the readable part is answered', () => heard.includes('rows'));
    expect(heard.filter((event) => event === 'rows')).toHaveLength(1);
    expect(heard).toContain('refused');
    for (let sent = 0; sent < 500; sent += 1) socket.emit('presence', { place: 'x' });
    await until('a flood ends it', () => heard.includes('bye'));
    socket.disconnect();
    expect(await fetch(`${server.url}/readyz`).then(({ status }) => status)).toBe(200);
    anna.leave();
  });

  test('without a good token, or of another organization, it gets no further than the door', async () => {
    const anna = await atBoard('anna@demo.test');
    const tries: { organization: unknown; headers: Record<string, string> }[] = [
      { organization: 'demo', headers: {} },
      { organization: 'demo', headers: { authorization: 'Bearer x' } },
      { organization: 'no-such-place', headers: { authorization: `Bearer ${anna.token}` } },
      { organization: { $ne: null }, headers: { authorization: `Bearer ${anna.token}` } },
    ];
    for (const { organization, headers } of tries) {
      const socket = io(server.url, {
        transports: ['websocket'],
        forceNew: true,
        reconnection: false,
        auth: { organization, protocol: protocolVersion },
        extraHeaders: headers,
      });
      const error = await new Promise<Error>((resolve, reject) => {
        socket.once('connect_error', resolve);
        socket.once('welcome', () => reject(new Error('It was let in')));
      });
      expect(['UNAUTHENTICATED', 'BAD_INPUT']).toContain(error.message);
      socket.disconnect();
    }
    anna.leave();
  });
});

describe('rights', () => {
  test('a seller sees the deals of the team; rows enter and leave when the owner changes', async () => {
    const [anna, boris] = await Promise.all([
      atBoard('anna@demo.test'),
      atBoard('boris@demo.test'),
    ]);
    const [deal] = boris.live.rows('deals').all;
    if (!deal) throw new Error('Boris sees no deal');
    await anna.live.change(updateDeal, { id: deal.id, ownerId: null }).done;
    await until('it went', () => boris.live.rows('deals').get(deal.id) === undefined);
    await anna.live.change(updateDeal, { id: deal.id, ownerId: boris.me.memberId }).done;
    await until('it came', () => boris.live.rows('deals').get(deal.id) !== undefined);
    anna.leave();
    boris.leave();
  });

  test('a role that is changed empties the open board, and gives it back', async () => {
    const vera = await atBoard('vera@demo.test');
    const count = vera.live.rows('deals').size;
    expect(count).toBeGreaterThan(0);
    await admin.query(
      `update crm.roles set access = access || '{"deals": {"view": "own"}}' where slug = 'viewer'`,
    );
    await until('the rows left', () => vera.live.rows('deals').size === 0);
    await until('the figures left', () => shown(vera.totals).size === 0);
    await admin.query(
      `update crm.roles set access = access || '{"deals": {"view": "all"}}' where slug = 'viewer'`,
    );
    await until('they are back', () => vera.live.rows('deals').size === count);
    vera.leave();
  });

  test('without the right to see deals nothing of them stays, and nothing comes', async () => {
    const [anna, vera] = await Promise.all([atBoard('anna@demo.test'), atBoard('vera@demo.test')]);
    const count = vera.live.rows('deals').size;
    await admin.query(
      `update crm.roles set access = access || '{"deals": {}}' where slug = 'viewer'`,
    );
    await until('the rows left', () => vera.live.rows('deals').size === 0);
    const deal = anyDealIn(anna, stageNamed(anna, 'open', 0).id);
    await anna.live.change(moveDeal, { id: deal.id, stageId: stageNamed(anna, 'open', 1).id }).done;
    await sleep(300);
    expect(vera.live.rows('deals').size).toBe(0);
    await admin.query(
      `update crm.roles set access = access || '{"deals": {"view": "all"}}' where slug = 'viewer'`,
    );
    await until('they are back', () => vera.live.rows('deals').size === count);
    expect(stageOf(vera, deal.id)).toBe(stageNamed(anna, 'open', 1).id);
    anna.leave();
    vera.leave();
  });

  test('a member who is removed is cut off', async () => {
    const vera = await atBoard('vera@demo.test');
    await admin.query('update crm.members set is_active = false where id = $1', [vera.me.memberId]);
    await until('it is over', () => vera.live.ended === 'removed');
    await admin.query('update crm.members set is_active = true where id = $1', [vera.me.memberId]);
  });
});

function equalMaps(a: Map<string, number[]>, b: Map<string, number[]>): boolean {
  return JSON.stringify([...a].sort()) === JSON.stringify([...b].sort());
}
