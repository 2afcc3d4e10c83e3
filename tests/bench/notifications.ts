import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { io, type Socket } from 'socket.io-client';
import { protocolVersion } from '#lib/shared/wire.ts';
import { now } from './clock.ts';
import type { Ground } from './ground.ts';
import type { Line } from './report.ts';
import { percentile, short } from './statistics.ts';

const people = 200;
const perMinute = 10_000;
const writers = 4;
/** What one waits for at most, in milliseconds. */
const goal = 1_000;

/** 10,000 notifications a minute to 200 open inboxes: from the commit of what is told of to the socket. */
export async function notifications(
  ground: Ground,
  { isQuick }: { isQuick: boolean },
): Promise<Line[]> {
  const seconds = isQuick ? 15 : 60;
  const many = Math.round((perMinute * seconds) / 60);
  const members = await join(ground);
  const seen = new Map<number, number>();
  const sockets = await open(ground, members, (number) => seen.set(number, now()));
  const made = await write(ground, members, many);
  const deadline = now() + 60_000;
  while (seen.size < many && now() < deadline) await sleep(20);
  for (const socket of sockets) socket.close();
  const lags = [...made].flatMap(([number, at]) => {
    const arrived = seen.get(number);
    return arrived === undefined ? [] : [Math.max(0, arrived - at)];
  });
  const worst = percentile(lags, 1);
  return [
    {
      what: `${perMinute.toLocaleString('en')} notifications a minute to ${people} open inboxes, the last to come`,
      ours: `${short(worst)} ms`,
      floor: '',
      ratio: '',
      goal: `${goal} ms`,
      isMet: lags.length === many && worst <= goal,
      detail: `${lags.length} of ${many} in ${seconds} s; half within ${short(percentile(lags, 0.5))} ms, 99 % within ${short(percentile(lags, 0.99))} ms`,
    },
  ];
}

interface Listener {
  memberId: string;
  organizationId: string;
  cookie: string;
}

async function join(ground: Ground): Promise<Listener[]> {
  await ground.ask(`
    insert into platform.users (email, name) select 'told' || n || '@demo.test', 'Told ' || n from generate_series(1, ${people}) n;
    insert into crm.members (organization_id, user_id, name, email, role_id)
    select r.organization_id, u.id, u.name, u.email, r.id from platform.users u, crm.roles r
    where u.email like 'told%' and r.slug = 'viewer'
      and r.organization_id = (select organization_id from crm.members where email = 'boris@demo.test')`);
  const client = new pg.Client(ground.url);
  await client.connect();
  const { rows } = await client.query<{ id: string; org: string; email: string }>(
    `select id, organization_id as org, email from crm.members where email like 'told%'`,
  );
  await client.end();
  const cookies = await ground.signIn(rows.map(({ email }) => email));
  return rows.map(({ id, org }, at) => ({
    memberId: id,
    organizationId: org,
    cookie: cookies[at] ?? '',
  }));
}

/** Each hears of what is told to him; the number of a task stands in its title. */
async function open(
  { ours }: Ground,
  members: Listener[],
  heard: (number: number) => void,
): Promise<Socket[]> {
  const sockets: Socket[] = [];
  for (const { memberId, cookie } of members) {
    const socket = io(`http://127.0.0.1:${ours.port}`, {
      transports: ['websocket'],
      forceNew: true,
      auth: { organization: ours.organization, protocol: protocolVersion },
      extraHeaders: { cookie, origin: `http://127.0.0.1:${ours.port}` },
    });
    sockets.push(socket);
    await heardOnce(socket, 'welcome');
    socket.on('f', (frame: unknown) => {
      for (const [, number] of JSON.stringify(frame).matchAll(/"Task no (\d+)"/g))
        heard(Number(number));
    });
    const began = heardOnce(socket, 'rows');
    socket.emit('subscribe', { topics: [`notifications/${memberId}/unread`], totals: [] });
    await began;
  }
  return sockets;
}

const heardOnce = (socket: Socket, event: string): Promise<void> =>
  new Promise((resolve) => socket.once(event, () => resolve()));

/** At an even pace, each in a transaction of its own; answers when each was committed. */
async function write(
  ground: Ground,
  members: Listener[],
  many: number,
): Promise<Map<number, number>> {
  const made = new Map<number, number>();
  const began = now();
  const every = 60_000 / perMinute;
  const work = async (first: number): Promise<void> => {
    const client = new pg.Client(ground.url);
    await client.connect();
    for (let number = first; number < many; number += writers) {
      await sleep(Math.max(0, began + number * every - now()));
      const { memberId, organizationId } = members[number % members.length] as Listener;
      await client.query(
        `insert into crm.activities (organization_id, kind, title, owner_id) values ($1, 'task', $2, $3)`,
        [organizationId, `Task no ${number}`, memberId],
      );
      made.set(number, now());
    }
    await client.end();
  };
  await Promise.all(Array.from({ length: writers }, (_, at) => work(at)));
  return made;
}
