import type { Patch } from './hooks.ts';
import type { Planted } from './run.ts';

const patch = (file: string, find: string, replace: string): Patch => ({ file, find, replace });

/**
 * Known mistakes, each of which some engine has been in production with. Planted one at a time, every
 * one must turn the simulator red.
 */
export const planted: Planted[] = [
  {
    name: 'the cursor follows a sequence that is taken before the commit',
    patches: [],
    mistakes: { positionAtFirstWrite: true },
  },
  {
    name: 'the log is read in the order of transaction ids',
    from: 100,
    about: ['slowWrite', 'burst', 'roleChanges'],
    patches: [],
    mistakes: { orderByXid: true },
  },
  {
    name: 'a change is acknowledged before it is on disk',
    patches: [
      patch(
        'server/live/commit.ts',
        'await (wrote ? server.flush.settled() : server.flush.barrier());',
        '',
      ),
    ],
  },
  {
    name: 'a change is acknowledged while its commit is on the way',
    patches: [
      patch(
        'server/live/commit.ts',
        "    client.query('commit', []),\n  ]);",
        "  ]);\n  void client.query('commit').catch(() => undefined);",
      ),
    ],
  },
  {
    name: 'rows are shown before they are on disk',
    about: ['crashDatabase', 'burst', 'slowWrite'],
    patches: [
      patch(
        'server/live/tail.ts',
        'if (behind.length > 0) await this.#options.flush.barrier();',
        '',
      ),
    ],
  },
  {
    name: 'answers of changes are kept in memory only',
    about: ['badRequests', 'killNode', 'burst'],
    patches: [],
    mistakes: { answersInMemory: true },
  },
  {
    name: 'a change gets another id at each attempt',
    patches: [
      patch(
        'src/lib/live/outbox.svelte.ts',
        'mutationId: `${pending.clientId}:${pending.seq}`',
        'mutationId: `${pending.clientId}:${Math.random()}`',
      ),
    ],
  },
  {
    name: 'what was answered is purged from memory, not from the disk',
    patches: [
      patch(
        'src/lib/live/outbox.svelte.ts',
        '      void this.#options.unsent?.drop(kept);\n      entry.settle({ ok: true, data });\n',
        '      entry.settle({ ok: true, data });\n',
      ),
    ],
  },
  {
    name: 'unsent changes are kept in memory only',
    about: ['closeTab', 'openTab', 'badRequests'],
    patches: [
      patch(
        'src/lib/live/outbox.svelte.ts',
        '      void this.#options.unsent?.keep(kept, insteadOf);\n',
        '',
      ),
    ],
  },
  {
    name: 'the log is looked at when poked, and never polled',
    patches: [
      patch(
        'server/live/tail.ts',
        '    if (!this.#stopped) this.#timer = setTimeout(() => void this.#poll(), pollEvery);\n',
        '',
      ),
    ],
  },
  {
    name: 'the rows that come with a poke are trusted, whatever came before them',
    patches: [
      patch(
        'server/live/tail.ts',
        'const isNext = hub.position === position - 1 && !this.#reading.has(hub);',
        'const isNext = hub.position < position;',
      ),
      patch('server/live/hub.ts', 'if (tx.position !== this.position + 1) {', 'if (false) {'),
    ],
  },
  {
    name: 'the key of the owner is forgotten',
    patches: [
      patch(
        'server/access.ts',
        "  if (typeof ownerId === 'string') keys.push(`${view}:own:${ownerId}`);\n",
        '',
      ),
    ],
  },
  {
    name: 'the key of the team is taken from the row as it was',
    patches: [
      patch(
        'server/live/log.ts',
        'keysAfter: is ? rowKeys(entity, is) : [],',
        'keysAfter: is ? rowKeys(entity, { ...is, teamId: (was ?? is).teamId }) : [],',
      ),
    ],
  },
  {
    name: 'changed rights are not noticed on open sockets',
    about: ['roleChanges', 'roleLevel', 'teamChanges'],
    patches: [patch('server/live/server.ts', '        this.revocation.check(hub);\n', '')],
  },
  {
    name: 'frames go on under the old rights until the new rows are read',
    about: ['roleChanges', 'roleLevel', 'handOver'],
    patches: [
      patch(
        'server/live/revocation.ts',
        '        watcher.leave();\n        this.#live.subscriptions.restart(watcher);',
        '        this.#live.subscriptions.restart(watcher);',
      ),
      patch(
        'server/live/subscriptions.ts',
        'watcher.leave();\n        watcher.topics.clear();',
        'watcher.topics.clear();',
      ),
    ],
  },
  {
    name: 'a cursor is continued under other rights',
    about: ['roleChanges', 'roleLevel', 'cut'],
    patches: [
      patch(
        'server/live/subscriptions.ts',
        '    if (cursor.rights !== watcher.rightsKey) return false;\n',
        '',
      ),
      patch(
        'server/live/subscriptions.ts',
        '!earlier || !socket.connected || cursor.rights !== watcher.rightsKey',
        '!earlier || !socket.connected',
      ),
    ],
  },
  {
    name: 'a cursor is continued in another life of the database',
    about: ['restoreDatabase'],
    patches: [
      patch(
        'server/live/subscriptions.ts',
        'if (!cursor || cursor.isPast || cursor.epoch !== this.#live.epoch) return false;',
        'if (!cursor || cursor.isPast) return false;',
      ),
    ],
  },
  {
    name: 'a log that was cut is continued all the same',
    about: ['cutLog', 'cut', 'offline', 'killNode', 'burst'],
    patches: [
      patch(
        'server/live/subscriptions.ts',
        'return txs[0]?.position === position + 1 && txs.length === missing ? txs : undefined;',
        'return txs;',
      ),
    ],
  },
  {
    name: 'what happened while rows were read is forgotten',
    patches: [
      patch(
        'server/live/subscriptions.ts',
        'const late = hub.since(snapshot.position, { rights: watcher.rights, topics: new Set([key]) });',
        'const late = [];',
      ),
    ],
  },
  {
    name: 'a frame leads past rows that were skipped',
    from: 70,
    about: ['largeWrite', 'watch', 'cut'],
    patches: [
      patch(
        'server/live/server.ts',
        '      watcher.leave();\n      this.subscriptions.restart(watcher);',
        '      this.subscriptions.restart(watcher);',
      ),
    ],
  },
  {
    name: 'the end of a session is not looked for',
    about: ['endSession'],
    patches: [
      patch(
        'server/live/revocation.ts',
        "if (!living.has(watcher.sessionHash ?? '')) watcher.close('signedOut');",
        '',
      ),
    ],
  },
  {
    name: 'a missing frame is not noticed',
    about: ['badFrames'],
    patches: [
      patch('src/lib/live/live.svelte.ts', 'if (from !== cursor.position) {', 'if (false) {'),
    ],
  },
  {
    name: 'pending changes are not replayed over new rows',
    patches: [
      patch(
        'src/lib/live/live.svelte.ts',
        'this.#store.settle(this.#outbox.pending);',
        'this.#store.settle([]);',
      ),
    ],
  },
  {
    name: 'a pending change goes when it is answered, not when its rows have come',
    patches: [
      patch(
        'src/lib/live/outbox.svelte.ts',
        'answered.epoch === rows.epoch && answered.position <= rows.position',
        'answered.epoch === rows.epoch',
      ),
    ],
  },
  {
    name: 'an older version of a row takes the place of a newer one',
    from: 185,
    about: ['watch', 'unwatch', 'badFrames', 'cut', 'burst'],
    patches: [
      patch('src/lib/live/store.svelte.ts', '    if (held && held.rev >= rev) return false;\n', ''),
      patch(
        'src/lib/live/store.svelte.ts',
        '      if (old && old.rev >= next.rev) continue;\n',
        '',
      ),
    ],
  },
  {
    name: 'columns are read in the order of the page, not of the server',
    patches: [
      patch(
        'src/lib/live/decode.ts',
        'columns: list.map((column) => ({',
        'columns: (Object.keys(kinds).length > 0 ? Object.keys(kinds) : list).map((column) => ({',
      ),
    ],
  },
  {
    name: 'figures are adopted without what happened since they were read',
    from: 45,
    about: ['burst', 'openTab', 'cut'],
    patches: [
      patch(
        'server/live/hub.ts',
        '    for (const tx of this.#after(totals.position)) totals.apply(tx.position, tx.rows);\n',
        '',
      ),
    ],
  },
  {
    name: 'rows of an earlier life of the database outlive it',
    about: ['restoreDatabase'],
    patches: [
      patch('src/lib/live/live.svelte.ts', '    if (!resumed) this.#store.outlive();\n', ''),
    ],
  },
  {
    name: 'a change that was answered waits for a position of another life',
    about: ['restoreDatabase', 'stall'],
    patches: [
      patch(
        'src/lib/live/outbox.svelte.ts',
        'this.#letGo((answered) => answered.epoch !== epoch);',
        '',
      ),
    ],
  },
  {
    name: 'an answer does not say which life of the database it is of',
    about: ['restoreDatabase', 'stall'],
    patches: [
      patch(
        'src/lib/live/outbox.svelte.ts',
        'Object.assign(pending, { position, epoch });',
        'pending.position = position;',
      ),
    ],
  },
  {
    name: 'rows of a server that knew fewer columns are continued',
    about: ['killNode', 'cut'],
    patches: [
      patch('src/lib/live/live.svelte.ts', 'if (this.#columns !== named) this.#leavePast();', ''),
    ],
  },
  {
    name: 'after a lost frame the old cursor is continued',
    from: 1400,
    about: ['badFrames', 'watch', 'handOver'],
    patches: [
      patch(
        'src/lib/live/live.svelte.ts',
        '      this.#leavePast();\n      this.#isStarted = false;',
        '      this.#isStarted = false;',
      ),
    ],
  },
  {
    name: 'what has no owner is hidden below the highest level',
    from: 60,
    about: ['roleLevel'],
    patches: [patch('server/access.ts', "if (level === 'all' || !owned)", "if (level === 'all')")],
  },
  {
    name: 'a pending change waits for rows that are refused',
    about: ['roleChanges', 'roleLevel', 'killNode'],
    patches: [
      patch(
        'src/lib/live/live.svelte.ts',
        '    this.#wanted.up({ isContinued: resumed });\n    this.#confirmed();\n',
        '    this.#wanted.up({ isContinued: resumed });\n',
      ),
    ],
  },
  {
    name: 'after a crash of the database transaction ids are taken for new ones',
    about: ['crashDatabase', 'burst'],
    patches: [patch('server/live/tail.ts', 'wasBroken ? await this.#heads() : moved', 'moved')],
  },
  {
    name: 'a position of this life is compared with a cursor of another',
    about: ['restoreDatabase', 'killNode'],
    patches: [patch('src/lib/live/outbox.svelte.ts', 'answered.epoch === rows.epoch && ', '')],
  },
  {
    name: 'what leaves a list stays in it',
    patches: [
      patch(
        'server/live/listing.ts',
        'if (at >= 0) splices.push(this.#splice(at, 1));',
        'void at;',
      ),
    ],
  },
  {
    name: 'a list takes in what its people may not see',
    about: ['handOver'],
    patches: [patch('server/live/listing.ts', 'is && this.#sees(keysAfter) && ', 'is && ')],
  },
  {
    name: 'a list is joined without what happened while it was loaded',
    about: ['openTab', 'burst'],
    patches: [
      patch(
        'server/live/hub.ts',
        'for (const tx of this.#after(list.position)) list.apply(tx.position, tx.rows);\n    this.kept',
        'this.kept',
      ),
    ],
  },
  {
    name: 'a list is not loaded anew when what orders it changed',
    about: ['write'],
    patches: [
      patch(
        'server/live/loading.ts',
        'const loading = list.isStale && ',
        'const loading = false && ',
      ),
    ],
  },
  {
    name: 'places that moved across what is known are not asked for again',
    patches: [
      patch(
        'src/lib/live/list.svelte.ts',
        'for (const at of this.#asked) if (!this.#isKnown(at)) this.#asked.delete(at);',
        '',
      ),
    ],
  },
  {
    name: "rows that are somebody's own go to all who are told the same",
    about: ['follow', 'openTab'],
    patches: [
      patch(
        'server/live/hub.ts',
        'const isAlone = own.some((key) => audience.rights.has(key));',
        'const isAlone = false;',
      ),
    ],
  },
  {
    name: 'places of a list that stood there before it began anew are taken for known',
    about: ['killNode', 'cut', 'write'],
    patches: [
      patch(
        'src/lib/live/list.svelte.ts',
        'if (!place || place.isOld) return false;',
        'if (!place) return false;',
      ),
    ],
  },
  {
    name: 'a refusal is told, and another attempt at the same change is done',
    about: ['badRequests', 'roleChanges', 'roleLevel'],
    patches: [
      patch(
        'server/live/commit.ts',
        'return refuse(server, scope, { ...scope.mutation, refusal: error });',
        'throw error;',
      ),
    ],
  },
];
