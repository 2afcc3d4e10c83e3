// A node that has nothing but a reader: `node tests/readers/program.ts DATABASE_URL`.
import { pino } from 'pino';
import { connect } from '#db/connect.ts';
import { Runner } from '#server/readers/runner.ts';
import { noting } from './noting.ts';

const { pool } = connect({ url: process.argv[2] ?? '', max: 3, name: 'syncline reader' });
const log = pino({ level: 'warn' }, pino.destination({ dest: 2, sync: true }));
await new Runner({ pool, readers: [noting('noting')], log }).start();
process.stdout.write('reading\n');
