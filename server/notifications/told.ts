import type { Rule } from './rules.ts';
import { changeOf, rules, type Change } from './rules.ts';
import type { LoggedTx } from '../readers/reader.ts';
import type { Tx } from '../live/transaction.ts';
import { isSubject, keysOf, recordsAt, titleOf, type Stored, type Subject } from './records.ts';

/** Something that rules say of a change, before it is known who hears it. */
export interface Told {
  rule: Pick<Rule, 'kind' | 'words' | 'severity'>;
  /** Members who are named; of followers, who they are is asked later. */
  to: string[];
  toFollowers: boolean;
  /** What is opened, and where that cannot be seen, the activity by itself. */
  targets: Target[];
  /** The activity it is about, where that is something else than the record. */
  about: { id: string; keys: string[] } | undefined;
  actor: string | null;
  data: Stored;
  position: number;
  source: string;
  /** Rows with the same one become one; '' for what stands alone. */
  thread: string;
  at: Date;
}

/** What is opened: a record, or what is no record and shows nothing more. */
export interface Target {
  entity: Subject | 'members' | 'organizations';
  id: string;
  title: string;
  keys: string[];
  ownerId: unknown;
  createdBy: unknown;
}

/** What the rules say of some transactions, in order. */
export async function toldOf(tx: Tx, changes: LoggedTx[]): Promise<Told[]> {
  const seen = changes.flatMap((one) =>
    one.rows
      .filter(({ entity }) => isSubject(entity) || isPart(entity))
      .map((row) => changeOf(one, row)),
  );
  const matched = seen.flatMap((change): [Change, Rule[]][] => {
    const those = rules.filter((rule) => rule.when(change));
    return those.length > 0 ? [[change, those]] : [];
  });
  const places = await placesOf(
    tx,
    matched.map(([change]) => change),
  );
  const undone = await undoneActors(
    tx,
    matched.map(([change]) => change),
  );
  return matched.flatMap(([change, those]) => {
    const { targets, about } = places(change);
    return those.map((rule): Told => {
      const { who } = rule;
      return {
        rule,
        to:
          who === 'undone'
            ? (undone.get(change.tx.runId ?? '') ?? [])
            : who === 'followers'
              ? []
              : who(change),
        toFollowers: who === 'followers',
        targets,
        about,
        actor: change.tx.actor,
        data: { words: rule.words, ...rule.data?.(change) },
        position: change.tx.position,
        source: `${change.tx.position}/${change.row.rev}`,
        thread: threadOf(rule, change, targets),
        at: change.tx.at,
      };
    });
  });
}

/** A change of more rows than this is one act, not many. */
const mostAlone = 50;

/** An import, or what is changed in bulk, is told of in one piece; so is what is taken back. */
function threadOf(rule: Rule, { tx }: Change, [target]: Target[]): string {
  const isBulk = tx.rows.length > mostAlone;
  if (tx.runId || isBulk) return `${tx.runId ?? `bulk ${tx.position}`}/${rule.words}`;
  return rule.gathers && target ? `${tx.actor ?? ''}/${target.id}` : '';
}

/** What a change is about, and what is opened for it. */
export async function placesOf(
  tx: Tx,
  changes: Change[],
): Promise<(change: Change) => Pick<Told, 'targets' | 'about'>> {
  const parentOf = await parentsOf(tx, changes);
  return (change) => {
    const { row, is } = change;
    const parent = isPart(row.entity) ? parentOf(change) : undefined;
    if (!isSubject(row.entity)) return { targets: parent ? [parent] : [], about: undefined };
    const own = targetOf(row.entity, row.id, is);
    if (!parent) return { targets: [own], about: undefined };
    return { targets: [parent, own], about: { id: row.id, keys: own.keys } };
  };
}

const targetOf = (entity: Subject, id: string, row: Stored): Target => ({
  entity,
  id,
  title: titleOf(row),
  keys: keysOf(entity, row),
  ownerId: row['owner_id'],
  createdBy: row['created_by'],
});

const parentColumns = [
  ['deals', 'deal_id'],
  ['customers', 'customer_id'],
] as const;

/** What belongs to a deal or a customer. */
const isPart = (entity: string): boolean => entity === 'activities' || entity === 'dealProducts';

/** The deal or the customer of an activity or a line, as it was when that changed. */
async function parentsOf(
  tx: Tx,
  changes: Change[],
): Promise<(change: Change) => Target | undefined> {
  const parts = changes.filter(({ row }) => isPart(row.entity));
  const [first] = parts;
  if (!first) return () => undefined;
  const from = { position: first.tx.position, at: first.tx.at };
  const finds = await Promise.all(
    parentColumns.map(([entity, column]) => {
      const ids = parts.flatMap(({ is }) => (is[column] ? [String(is[column])] : []));
      return recordsAt(tx, entity, { ids, from });
    }),
  );
  return ({ tx: { position }, is }) => {
    for (const [at, [entity, column]] of parentColumns.entries()) {
      const id = is[column];
      const row = typeof id === 'string' ? finds[at]?.(id, position) : undefined;
      if (typeof id === 'string' && row) return targetOf(entity, id, row);
    }
    return undefined;
  };
}

/** Whose changes were taken back, by the run that took them back. */
async function undoneActors(tx: Tx, changes: Change[]): Promise<Map<string, string[]>> {
  const runs = new Set(
    changes.flatMap(({ tx: { runId } }) => (runId?.startsWith('undo') ? [runId] : [])),
  );
  const found = new Map<string, string[]>();
  for (const run of runs) {
    const [kind = '', what = ''] = [
      run.slice(0, run.indexOf(':')),
      run.slice(run.indexOf(':') + 1),
    ];
    const query = tx.selectFrom('sync.changeTx').select('actor').distinct();
    const rows = await (
      kind === 'undo' ? query.where('pos', '=', Number(what)) : query.where('runId', '=', what)
    ).execute();
    found.set(
      run,
      rows.flatMap(({ actor }) => (actor ? [actor] : [])),
    );
  }
  return found;
}
