// A node that has nothing but a reader: `node tests/readers/program.ts DATABASE_URL`.
import { connect } from '#db/connect.ts';
import { Runner } from '#server/readers/runner.ts';
import { noting } from './noting.ts';

const { pool } = connect({ url: process.argv[2] ?? '', max: 3, name: 'syncline reader' });
const say = (_: object, what: string) => void process.stderr.write(`${what}\n`);
await new Runner({ pool, readers: [noting('noting')], log: { warn: say, error: say } }).start();
process.stdout.write('reading\n');
