import type { Rule } from './rules.ts';
import { changeOf, rules, type Change } from './rules.ts';
import type { LoggedTx } from '../readers/reader.ts';
import type { Tx } from '../live/transaction.ts';
import { isSubject, keysOf, recordsNow, titleOf, type Stored, type Subject } from './records.ts';

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

export interface Target {
  entity: Subject;
  id: string;
  title: string;
  keys: string[];
  ownerId: unknown;
  createdBy: unknown;
}

/** What the rules say of some transactions, in order. */
export async function toldOf(tx: Tx, changes: LoggedTx[]): Promise<Told[]> {
  const seen = changes.flatMap((one) =>
    one.rows.filter(({ entity }) => isSubject(entity)).map((row) => changeOf(one, row)),
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

/** An import is told of in one piece, whatever it touched; so is what is taken back. */
function threadOf(rule: Rule, { tx }: Change, [target]: Target[]): string {
  if (tx.runId) return `${tx.runId}/${rule.kind}`;
  return rule.gathers && target ? `${tx.actor ?? ''}/${target.id}` : '';
}

/** What a change is about, and what is opened for it. */
export async function placesOf(
  tx: Tx,
  changes: Change[],
): Promise<(change: Change) => Pick<Told, 'targets' | 'about'>> {
  const parents = await parentsOf(tx, changes);
  return (change) => {
    const targets = targetsOf(change, parents);
    return { targets, about: aboutOf(change, targets) };
  };
}

function targetsOf({ row, is }: Change, parents: Map<string, Target>): Target[] {
  const entity = row.entity as Subject;
  const own = targetOf(entity, row.id, is);
  const parent = parents.get(String(is['deal_id'])) ?? parents.get(String(is['customer_id']));
  return entity === 'activities' && parent ? [parent, own] : [own];
}

const targetOf = (entity: Subject, id: string, row: Stored): Target => ({
  entity,
  id,
  title: titleOf(row),
  keys: keysOf(entity, row),
  ownerId: row['owner_id'],
  createdBy: row['created_by'],
});

function aboutOf({ row, is }: Change, targets: Target[]): Told['about'] {
  return targets.length > 1 ? { id: row.id, keys: keysOf('activities', is) } : undefined;
}

async function parentsOf(tx: Tx, changes: Change[]): Promise<Map<string, Target>> {
  const activities = changes.filter(({ row }) => row.entity === 'activities');
  const parents = new Map<string, Target>();
  for (const [entity, column] of [
    ['deals', 'deal_id'],
    ['customers', 'customer_id'],
  ] as const) {
    const ids = activities.flatMap(({ is }) => (is[column] ? [String(is[column])] : []));
    for (const [id, row] of await recordsNow(tx, entity, ids))
      parents.set(id, targetOf(entity, id, row));
  }
  return parents;
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
