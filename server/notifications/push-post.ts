import * as http from 'node:http';
import * as https from 'node:https';
import type { Config } from '../config.ts';
import { isPushEndpoint, isTestService, NotPublic, publicLookup } from './push-address.ts';
import type { PushKey } from './push-key.ts';

/** A browser, and what is said to it. */
export interface Push {
  endpoint: string;
  keys: { p256dh: string; auth: string };
  /** Names the push: a second one takes the place of the first where that has not been delivered yet. */
  topic: string;
  payload: string;
}

/**
 * What became of it. `gone`: the browser does not want to be reached there any more, or must not be;
 * `dropped`: this push will never be taken; `again`: later, in so many seconds where the service says so.
 */
export type Outcome =
  { is: 'taken' } | { is: 'gone' } | { is: 'dropped' } | { is: 'again'; after: number };

/** A service that says nothing for so long is left alone for a while, in milliseconds. */
const patience = 10_000;
/** How long a service keeps a push for a browser that is not there, in seconds. */
const keptFor = 24 * 3600;

const connections = new https.Agent({ keepAlive: true, lookup: publicLookup });

/** Encrypts a push for its browser and hands it to the browser's push service. */
export async function postPush(
  { endpoint, keys, topic, payload }: Push,
  { key, config }: { key: PushKey; config: Pick<Config, 'pushTestService'> },
): Promise<{ outcome: Outcome; status?: number; error?: unknown }> {
  if (!isPushEndpoint(endpoint, config)) return { outcome: { is: 'gone' } };
  const { default: webPush } = await import('web-push');
  const { headers, body } = webPush.generateRequestDetails({ endpoint, keys }, payload, {
    vapidDetails: key,
    TTL: keptFor,
    topic,
    urgency: 'normal',
  });
  try {
    const isTest = isTestService(endpoint, config);
    const answer = await post(endpoint, { headers: { ...headers }, body, isTest });
    return { outcome: outcomeOf(answer), status: answer.status };
  } catch (error) {
    const outcome: Outcome =
      error instanceof NotPublic ? { is: 'gone' } : { is: 'again', after: 0 };
    return { outcome, error };
  }
}

interface Answer {
  status: number;
  retryAfter: string | undefined;
}

/** Follows no redirection and reads nothing of the answer but its head. */
function post(
  endpoint: string,
  { headers, body, isTest }: { headers: http.OutgoingHttpHeaders; body: unknown; isTest: boolean },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { method: 'POST', headers, signal: AbortSignal.timeout(patience) };
    const request = isTest
      ? http.request(endpoint, options)
      : https.request(endpoint, { ...options, agent: connections });
    request.once('error', reject);
    request.once('response', (response) => {
      resolve({
        status: response.statusCode ?? 0,
        retryAfter: response.headers['retry-after'],
      });
      response.once('error', () => undefined);
      // However much more it has to say, none of it is read.
      response.once('data', () => response.destroy());
      response.resume();
    });
    request.end(body);
  });
}

export function outcomeOf({ status, retryAfter }: Answer, now = Date.now()): Outcome {
  if (status >= 200 && status < 300) return { is: 'taken' };
  if (status === 404 || status === 410) return { is: 'gone' };
  // It was made for another key than ours: nothing will ever get there.
  if (status === 401 || status === 403) return { is: 'gone' };
  const isTheirs = status === 408 || status === 429 || status < 400 || status >= 500;
  return isTheirs ? { is: 'again', after: secondsOf(retryAfter, now) } : { is: 'dropped' };
}

/** Of a Retry-After, which is a number of seconds or a date; at most a day. */
function secondsOf(retryAfter: string | undefined, now: number): number {
  const text = retryAfter?.trim() ?? '';
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - now) / 1000;
  return Math.min(keptFor, Math.max(0, Number.isFinite(seconds) ? seconds : 0));
}
