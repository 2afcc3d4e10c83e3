import type { NotificationKind } from '#lib/shared/notifications.ts';
import type { LoggedRow, LoggedTx } from '../readers/reader.ts';

type Stored = Record<string, unknown>;

/** A changed row as a rule sees it: what it is, or was before it was deleted, and which columns changed. */
export interface Change {
  tx: LoggedTx;
  row: LoggedRow;
  is: Stored;
  was: Stored;
  changed: ReadonlySet<string>;
}

/**
 * When a change matches: who is told, of which kind, in which words (`inbox.<words>` in the messages), with
 * what in them. Of the rules that match for somebody the first one speaks.
 */
export interface Rule {
  kind: NotificationKind;
  words: string;
  severity?: 'warning' | 'danger';
  when(change: Change): boolean;
  /** `followers` of the record; `undone`: whose change was taken back; or members by their ids. */
  who: 'followers' | 'undone' | ((change: Change) => string[]);
  data?(change: Change): Stored;
  /** Several of one person about one record within minutes are told of together. */
  gathers?: boolean;
}

/** Where a card lies, and what the database derives by itself, is no news. */
const quiet = new Set([
  'rank',
  'position',
  'team_id',
  'customer_name',
  'expected_revenue',
  'stage_entered_at',
  'closed_on',
  'state',
  'probability_manual',
  'next_activity_id',
  'next_activity_kind',
  'next_activity_title',
  'next_activity_at',
  'external_id',
  'custom',
]);

/** Whose a line is follows its deal. */
const isLineNews = (column: string): boolean => isNews(column) && column !== 'owner_id';

/** Whether a change of a column says something to a person. */
export const isNews = (column: string): boolean => !quiet.has(column);

const isRecord = ({ row }: Change): boolean => row.entity === 'deals' || row.entity === 'customers';
const isUndo = ({ tx }: Change): boolean => tx.runId?.startsWith('undo') ?? false;
/** A row that comes with an old date of making was there before: it is back, or brought from elsewhere. */
const isBack = ({ tx, row, is }: Change): boolean =>
  row.op === 'I' && tx.at.getTime() - Date.parse(String(is['created_at'])) > 1_000;
/** A line that came or went with its deal. */
const isWithDeal = ({ tx, row, is }: Change): boolean =>
  row.entity === 'dealProducts' &&
  tx.rows.some(({ entity, id, op }) => entity === 'deals' && id === is['deal_id'] && op !== 'U');
const idIn = (value: unknown): string[] => (typeof value === 'string' ? [value] : []);
const mentionsIn = (row: Stored): string[] =>
  Array.isArray(row['mentions']) ? row['mentions'].flatMap(idIn) : [];
const newMentions = ({ row, is, was }: Change): string[] => {
  const before = new Set(row.op === 'I' ? [] : mentionsIn(was));
  return mentionsIn(is).filter((id) => !before.has(id));
};
const isHandedOver = ({ row, is, changed }: Change): boolean =>
  Boolean(is['owner_id']) && (row.op === 'I' || (row.op === 'U' && changed.has('owner_id')));
const becomes = (state: string) => (change: Change) =>
  change.row.entity === 'deals' && change.changed.has('state') && change.is['state'] === state;

export const camelCase = (name: string): string =>
  name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

export const rules: readonly Rule[] = [
  {
    kind: 'undone',
    words: 'undone',
    severity: 'warning',
    when: (change) => isUndo(change) && !isWithDeal(change),
    who: 'undone',
    gathers: true,
  },
  {
    kind: 'mentioned',
    words: 'mentioned',
    when: (change) =>
      change.row.entity === 'activities' && change.row.op !== 'D' && newMentions(change).length > 0,
    who: newMentions,
    data: ({ is }) => ({ text: excerpt(is['body'] || is['title']) }),
  },
  {
    kind: 'assigned',
    words: 'assignedActivity',
    when: (change) => {
      const { row, is } = change;
      if (row.entity !== 'activities' || is['done_at'] || isBack(change)) return false;
      return isHandedOver(change);
    },
    who: ({ is }) => idIn(is['owner_id']),
    data: ({ is }) => ({ activity: is['kind'], text: excerpt(is['title']), dueAt: is['due_at'] }),
  },
  {
    kind: 'assigned',
    words: 'assigned',
    when: (change) => isRecord(change) && isHandedOver(change) && !isBack(change),
    who: ({ is }) => idIn(is['owner_id']),
  },
  {
    kind: 'won',
    words: 'won',
    when: becomes('won'),
    who: 'followers',
    data: ({ is }) => ({ value: is['value'], currency: is['currency'] }),
  },
  {
    kind: 'lost',
    words: 'lost',
    severity: 'warning',
    when: becomes('lost'),
    who: 'followers',
    data: ({ is }) => ({ value: is['value'], currency: is['currency'] }),
  },
  {
    kind: 'stage',
    words: 'stage',
    when: ({ row, changed }) => row.entity === 'deals' && row.op === 'U' && changed.has('stage_id'),
    who: 'followers',
    data: ({ is }) => ({ stageId: is['stage_id'] }),
    gathers: true,
  },
  {
    kind: 'comment',
    words: 'comment',
    when: (change) =>
      change.row.entity === 'activities' &&
      change.row.op === 'I' &&
      change.is['kind'] === 'note' &&
      !isBack(change),
    who: 'followers',
    data: ({ is }) => ({ text: excerpt(is['body'] || is['title']) }),
  },
  {
    kind: 'changed',
    words: 'planned',
    when: (change) =>
      change.row.entity === 'activities' && change.row.op === 'I' && !isBack(change),
    who: 'followers',
    data: ({ is }) => ({ activity: is['kind'], text: excerpt(is['title']) }),
    gathers: true,
  },
  {
    kind: 'changed',
    words: 'finished',
    when: ({ row, is, changed }) =>
      row.entity === 'activities' && changed.has('done_at') && Boolean(is['done_at']),
    who: 'followers',
    data: ({ is }) => ({ activity: is['kind'], text: excerpt(is['title']) }),
    gathers: true,
  },
  {
    kind: 'changed',
    words: 'deleted',
    severity: 'warning',
    when: (change) => isRecord(change) && change.row.op === 'D',
    who: 'followers',
  },
  {
    kind: 'changed',
    words: 'restored',
    when: (change) => isRecord(change) && change.row.op === 'I' && isUndo(change),
    who: 'followers',
  },
  {
    kind: 'changed',
    words: 'changed',
    when: (change) => isRecord(change) && change.row.op === 'U' && [...change.changed].some(isNews),
    who: 'followers',
    data: ({ changed }) => ({
      fields: [...changed].filter(isNews).map(camelCase),
    }),
    gathers: true,
  },
  {
    kind: 'changed',
    words: 'changed',
    when: (change) => {
      const { row, changed } = change;
      if (row.entity !== 'dealProducts' || isWithDeal(change)) return false;
      return row.op !== 'U' || [...changed].some(isLineNews);
    },
    who: 'followers',
    data: () => ({ fields: ['products'] }),
    gathers: true,
  },
];

/** What a change looks like to the rules. */
export function changeOf(tx: LoggedTx, row: LoggedRow): Change {
  const before = row.before ?? {};
  const is = row.after ?? before;
  return {
    tx,
    row,
    is,
    was: row.op === 'U' ? { ...is, ...before } : before,
    changed: new Set(row.op === 'U' ? Object.keys(before) : []),
  };
}

function excerpt(text: unknown): string {
  const line = String(text ?? '')
    .trim()
    .replace(/\s+/g, ' ');
  return line.length > 160 ? `${line.slice(0, 159)}…` : line;
}
