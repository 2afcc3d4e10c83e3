import { createDecipheriv, createECDH, hkdfSync, randomBytes } from 'node:crypto';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLocalJWKSet, jwtVerify, type JWTPayload } from 'jose';

/** What has come in for a browser. */
export interface Came {
  path: string;
  headers: http.IncomingHttpHeaders;
  body: Buffer;
}

/** How it treats what comes to a path; without one it takes everything. */
type Manner = (response: http.ServerResponse, times: number) => void;

export interface PushService {
  origin: string;
  came: Came[];
  manners: Map<string, Manner>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What a browser's vendor runs: takes encrypted pushes in, and misbehaves where it is told to. */
export async function openPushService(): Promise<PushService> {
  const came: Came[] = [];
  const manners = new Map<string, Manner>();
  const server = http.createServer((request, response) => {
    const path = request.url ?? '';
    const chunks: Buffer[] = [];
    request.on('error', () => undefined);
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      came.push({ path, headers: request.headers, body: Buffer.concat(chunks) });
      const times = came.filter((one) => one.path === path).length;
      const manner = manners.get(path);
      if (manner) manner(response, times);
      else response.writeHead(201).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    came,
    manners,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export interface TestBrowser {
  subscription: { endpoint: string; p256dh: string; auth: string };
  path: string;
  /** RFC 8291, written from the text: what the server said. */
  read(came: Came): { title: string; text: string; path: string; tag: string };
}

/** The half of a browser that has keys and decrypts. */
export function newBrowser({ origin }: PushService, path: string): TestBrowser {
  const pair = createECDH('prime256v1');
  const publicKey = pair.generateKeys();
  const auth = randomBytes(16);
  return {
    path,
    subscription: {
      endpoint: `${origin}${path}`,
      p256dh: publicKey.toString('base64url'),
      auth: auth.toString('base64url'),
    },
    read({ body }) {
      const salt = body.subarray(0, 16);
      const theirs = body.subarray(21, 21 + body.readUInt8(20));
      const sealed = body.subarray(21 + body.readUInt8(20));
      const derive = (key: Buffer, from: Buffer, info: Buffer, length: number) =>
        Buffer.from(hkdfSync('sha256', key, from, info, length));
      const info = Buffer.concat([Buffer.from('WebPush: info\0'), publicKey, theirs]);
      const secret = derive(pair.computeSecret(theirs), auth, info, 32);
      const key = derive(secret, salt, Buffer.from('Content-Encoding: aes128gcm\0'), 16);
      const nonce = derive(secret, salt, Buffer.from('Content-Encoding: nonce\0'), 12);
      const decipher = createDecipheriv('aes-128-gcm', key, nonce);
      decipher.setAuthTag(sealed.subarray(-16));
      const text = Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
      return JSON.parse(text.subarray(0, text.lastIndexOf(2)).toString('utf8'));
    },
  };
}

/** What the sender says of itself (RFC 8292); fails where its signature is not that of the public key. */
export async function senderOf({ headers }: Came, publicKey: string): Promise<JWTPayload> {
  const [, token = '', key] = /^vapid t=([^,]+), k=(.+)$/.exec(headers.authorization ?? '') ?? [];
  if (key !== publicKey) throw new Error(`Signed with another key: ${key}`);
  const point = Buffer.from(publicKey, 'base64url');
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((one) =>
    one.toString('base64url'),
  );
  const keys = createLocalJWKSet({ keys: [{ kty: 'EC', crv: 'P-256', x, y }] });
  return (await jwtVerify(token, keys, { algorithms: ['ES256'] })).payload;
}
