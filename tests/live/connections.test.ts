import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { io } from 'socket.io-client';
import { describe, expect, test } from 'vitest';
import { createDeal, moveDeal, updateDeal } from '#lib/shared/deals.ts';
import { newId } from '#lib/shared/ids.ts';
import { protocolVersion } from '#lib/shared/wire.ts';
import { until } from '#tests/support/person.ts';
import { demoServer } from '#tests/support/stage.ts';
import { anyDealIn, atBoard, shown, stageNamed, stageOf, type AtBoard } from './at-board.ts';

const demo = demoServer();

const come = (email: string): Promise<AtBoard> => atBoard(demo.server.url, email);

describe('a line that breaks', () => {
  test('who comes back gets what was missed, and what was changed meanwhile arrives once', async () => {
    const [anna, vera] = await Promise.all([come('anna@demo.test'), come('vera@demo.test')]);
    await demo.server.kill();
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
    await demo.server.restart();
    expect(await Promise.all(made)).toMatchObject([{ ok: true }, { ok: true }, { ok: true }]);
    await until('vera has it', () => stageOf(vera, id) === stageNamed(anna, 'open', 1).id, 15_000);
    await until(
      'anna is online',
      () => anna.live.connection === 'online' && anna.live.unsent === 0,
      15_000,
    );
    const { rows } = await demo.admin.query<{ n: number }>(
      `select count(*)::int as n from sync.change_log where entity = 'deals' and id = $1`,
      [id],
    );
    expect(rows[0]?.n).toBe(3);
    anna.leave();
    vera.leave();
  }, 60_000);

  test('another life of the database gives everybody their rows anew', async () => {
    const vera = await come('vera@demo.test');
    const deal = anyDealIn(vera, stageNamed(vera, 'open', 0).id);
    await demo.server.kill();
    await until('it is noticed', () => vera.live.connection !== 'online');
    await demo.admin.query('update sync.state set epoch = gen_random_uuid()');
    await demo.admin.query('alter table crm.deals disable trigger zz_capture');
    await demo.admin.query(`update crm.deals set title = 'Из копии' where id = $1`, [deal.id]);
    await demo.admin.query('alter table crm.deals enable trigger zz_capture');
    await demo.server.restart();
    await until(
      'the rows are there',
      () => vera.live.rows('deals').get(deal.id)?.title === 'Из копии',
      15_000,
    );
    vera.leave();
  }, 60_000);

  test('a change that is sent twice has one effect and the same answer', async () => {
    const anna = await come('anna@demo.test');
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
    const anna = await come('anna@demo.test');
    const socket = io(demo.server.url, {
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
    expect(await fetch(`${demo.server.url}/readyz`).then(({ status }) => status)).toBe(200);
    anna.leave();
  });

  test('without a good token, or of another organization, it gets no further than the door', async () => {
    const anna = await come('anna@demo.test');
    const tries: { organization: unknown; headers: Record<string, string> }[] = [
      { organization: 'demo', headers: {} },
      { organization: 'demo', headers: { authorization: 'Bearer x' } },
      { organization: 'no-such-place', headers: { authorization: `Bearer ${anna.token}` } },
      { organization: { $ne: null }, headers: { authorization: `Bearer ${anna.token}` } },
    ];
    for (const { organization, headers } of tries) {
      const socket = io(demo.server.url, {
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
    const [anna, boris] = await Promise.all([come('anna@demo.test'), come('boris@demo.test')]);
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
    const vera = await come('vera@demo.test');
    const count = vera.live.rows('deals').size;
    expect(count).toBeGreaterThan(0);
    await demo.admin.query(
      `update crm.roles set access = access || '{"deals": {"view": "own"}}' where slug = 'viewer'`,
    );
    await until('the rows left', () => vera.live.rows('deals').size === 0);
    await until('the figures left', () => shown(vera.totals).size === 0);
    await demo.admin.query(
      `update crm.roles set access = access || '{"deals": {"view": "all"}}' where slug = 'viewer'`,
    );
    await until('they are back', () => vera.live.rows('deals').size === count);
    vera.leave();
  });

  test('without the right to see deals nothing of them stays, and nothing comes', async () => {
    const [anna, vera] = await Promise.all([come('anna@demo.test'), come('vera@demo.test')]);
    const count = vera.live.rows('deals').size;
    await demo.admin.query(
      `update crm.roles set access = access || '{"deals": {}}' where slug = 'viewer'`,
    );
    await until('the rows left', () => vera.live.rows('deals').size === 0);
    const deal = anyDealIn(anna, stageNamed(anna, 'open', 0).id);
    await anna.live.change(moveDeal, { id: deal.id, stageId: stageNamed(anna, 'open', 1).id }).done;
    await sleep(300);
    expect(vera.live.rows('deals').size).toBe(0);
    await demo.admin.query(
      `update crm.roles set access = access || '{"deals": {"view": "all"}}' where slug = 'viewer'`,
    );
    await until('they are back', () => vera.live.rows('deals').size === count);
    expect(stageOf(vera, deal.id)).toBe(stageNamed(anna, 'open', 1).id);
    anna.leave();
    vera.leave();
  });

  test('a member who is removed is cut off', async () => {
    const vera = await come('vera@demo.test');
    await demo.admin.query('update crm.members set is_active = false where id = $1', [
      vera.me.memberId,
    ]);
    await until('it is over', () => vera.live.ended === 'removed');
    await demo.admin.query('update crm.members set is_active = true where id = $1', [
      vera.me.memberId,
    ]);
  });
});
