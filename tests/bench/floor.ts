import { createServer, type IncomingMessage } from 'node:http';
import pg from 'pg';
import { Server } from 'socket.io';

/**
 * The floor that everything is measured against: the least that could be called the same thing. One
 * UPDATE without permission, history or exactly-once, then the row to everybody in a room.
 */
const { DATABASE_URL, PORT } = process.env;
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 20 });
const server = createServer((request, response) => {
  if (request.method !== 'POST') return response.end();
  void (async () => {
    const { id, stageId, rank } = JSON.parse(await bodyOf(request));
    const { rows } = await pool.query({
      name: 'move',
      text: 'update deals set stage_id = $2, rank = $3 where id = $1 returning id, stage_id, rank',
      values: [id, stageId, rank],
    });
    io.to('board').emit('deal', rows[0]);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(rows[0]));
  })();
});
const io = new Server(server, { transports: ['websocket'], perMessageDeflate: false });

io.on('connection', (socket) => {
  void socket.join('board');
  socket.on('load', (pipelineId: string) => {
    void pool
      .query('select * from deals where pipeline_id = $1', [pipelineId])
      .then(({ rows }) => socket.emit('deals', rows));
  });
  socket.emit('welcome');
});

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return body;
}

server.listen(Number(PORT), '127.0.0.1');
process.on('SIGTERM', () => process.exit());
