import * as net from 'node:net';

export interface PostOffice {
  url: string;
  /** What has come in, decoded, in order. */
  letters: { to: string; head: string; text: string }[];
  [Symbol.asyncDispose](): Promise<void>;
}

/** Just enough SMTP to take letters in. */
export async function openPostOffice(): Promise<PostOffice> {
  const letters: PostOffice['letters'] = [];
  const server = net.createServer((line) => {
    let rest = '';
    let to = '';
    let body: string[] | undefined;
    line.write('220 here\r\n');
    line.on('data', (chunk) => {
      rest += chunk.toString('latin1');
      const rows = rest.split('\r\n');
      rest = rows.pop() ?? '';
      for (const row of rows) {
        if (body && row === '.') {
          letters.push({
            to,
            head: body.slice(0, body.indexOf('')).join('\n'),
            text: decoded(body),
          });
          body = undefined;
          line.write('250 taken\r\n');
        } else if (body) body.push(row.replace(/^\.\./, '.'));
        else if (/^RCPT TO:/i.test(row)) line.write(`250 ok\r\n`, () => undefined);
        else if (/^DATA/i.test(row)) line.write('354 go on\r\n');
        else if (/^QUIT/i.test(row)) line.end('221 bye\r\n');
        else line.write('250 ok\r\n');
        to = /^RCPT TO:<([^>]*)>/i.exec(row)?.[1] ?? to;
        if (/^DATA/i.test(row)) body = [];
      }
    });
    line.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    letters,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function decoded(rows: string[]): string {
  const at = rows.indexOf('');
  const head = rows.slice(0, at).join('\n');
  const body = rows.slice(at + 1);
  if (/^content-transfer-encoding: base64/im.test(head))
    return Buffer.from(body.join(''), 'base64').toString('utf8');
  if (!/^content-transfer-encoding: quoted-printable/im.test(head)) return body.join('\n');
  const bytes = body
    .join('\n')
    .replace(/=\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
