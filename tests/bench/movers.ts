import { Agent, request } from 'node:http';
import { now } from './clock.ts';
import { type Call, type Contestant, moveCall } from './contestants.ts';
import { answer } from './programs.ts';

/** People who move deals: so many a second, whether or not the server keeps up. */
export const movers = { move };

export interface Asking {
  contestant: Contestant;
  /** The number of the first move. */
  first: number;
  perSecond: number;
  seconds: number;
  /** How many deals are moved in turn. */
  deals: number;
  /** Connections, each of which waits for its answer before it sends again. */
  writers: number;
}

async function move({ contestant, first, perSecond, seconds, deals, writers }: Asking) {
  const agent = new Agent({ keepAlive: true, maxSockets: writers });
  const count = Math.round(perSecond * seconds);
  const sentAt = new Float64Array(count);
  const answers: number[] = [];
  const failures: string[] = [];
  const began = now();
  let sent = 0;
  const running: Promise<void>[] = [];
  while (sent < count) {
    const due = Math.min(count, Math.floor(((now() - began) / 1000) * perSecond) + 1);
    for (; sent < due; sent++) {
      const at = sent;
      const call = moveCall(contestant, first + at, deals);
      sentAt[at] = now();
      running.push(
        send(agent, contestant.port, call).then(
          () => void answers.push(now() - (sentAt[at] ?? 0)),
          (error: unknown) => void failures.push(String(error)),
        ),
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(running);
  const took = (now() - began) / 1000;
  agent.destroy();
  return {
    sentAt,
    answers: Float64Array.from(answers),
    failures,
    perSecond: answers.length / took,
  };
}

function send(agent: Agent, port: number, { path, headers, body }: Call): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { agent, port, host: '127.0.0.1', method: 'POST', path, headers },
      (response) => {
        let text = '';
        response.on('data', (chunk) => (text += String(chunk)));
        response.on('end', () => {
          if (response.statusCode === 200) resolve();
          else reject(new Error(`${response.statusCode} ${text.slice(0, 300)}`));
        });
      },
    );
    asked.on('error', reject);
    asked.end(body);
  });
}

answer(movers);
