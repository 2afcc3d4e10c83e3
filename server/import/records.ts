import { newId } from '#lib/shared/ids.ts';
import type { Tx } from '../live/transaction.ts';
import type { Directory } from './directory.ts';
import { type Names, SeenKeys } from './names.ts';
import {
  changesOf,
  customOf,
  externalIdOf,
  findRecords,
  type Held,
  type ImportContext,
  type Plan,
  type PlannedRow,
  refusal,
  type Target,
} from './plan.ts';
import type { Row } from './rows.ts';
import { Problem } from './values.ts';

type Values = Record<string, unknown>;

interface RecordKind {
  table: 'customers' | 'products' | 'members';
  names: Names;
  /** What a row says; a problem, with the field it is about, where it cannot be. */
  valuesOf(row: Row): Values | { field: string; problem: Problem };
  /** Makes what rows name, once all of a batch are known; given the values of one. */
  makeNamed?(row: Row, values: Values): void;
  /** Beneath what the row says, in a new record. */
  defaults: Values;
}

/** Records known by an external id, or by their name where the file has no id. */
class RecordTarget implements Target {
  readonly #context: ImportContext;
  readonly #directory: Directory;
  readonly #kind: RecordKind;
  readonly #seen = new SeenKeys();
  readonly #adopted = new Set<string>();

  constructor(context: ImportContext, directory: Directory, kind: RecordKind) {
    this.#context = context;
    this.#directory = directory;
    this.#kind = kind;
  }

  async plan(tx: Tx, rows: Row[]): Promise<Plan> {
    const { table, names } = this.#kind;
    const keyed = rows.map((row) => this.#keyOf(row));
    const known = await findRecords(tx, this.#context, {
      table,
      externalIds: keyed.flatMap(({ externalId }) => externalId ?? []),
      ids: keyed.flatMap(({ namedId }) => (typeof namedId === 'string' ? namedId : [])),
    });
    const plan: Plan = { setup: [], rows: [], refused: [] };
    const accepted: [Row, Values][] = [];
    for (const { row, name, externalId, namedId } of keyed) {
      const refuse = (field: string, { reason }: Problem) =>
        plan.refused.push(refusal(row, this.#context.headerOf(field), reason));
      const field = externalId ? 'externalId' : 'name';
      const before = this.#seen.lineBefore(externalId ?? names.keyOf(name), row.line);
      if (before !== undefined) {
        refuse(field, new Problem(`the same ${externalId ? 'id' : 'name'} as in line ${before}`));
        continue;
      }
      if (!externalId && namedId instanceof Problem) {
        refuse(field, namedId);
        continue;
      }
      const values = this.#kind.valuesOf(row);
      if ('problem' in values && values['problem'] instanceof Problem) {
        refuse(String(values['field']), values['problem']);
        continue;
      }
      const given: Values = externalId ? { ...values, externalId } : values;
      const named = typeof namedId === 'string' ? known.byId.get(namedId) : undefined;
      const held = externalId
        ? (known.byExternalId.get(externalId) ?? this.#adopt(named, given))
        : named;
      accepted.push([row, given]);
      plan.rows.push(held ? this.#change(row, held, given) : this.#make(row, given));
    }
    for (const [row, values] of accepted) this.#kind.makeNamed?.(row, values);
    plan.setup = this.#directory.takeSetup();
    return plan;
  }

  // Deals imported before their customers have made these by name: they get their ids now.
  #adopt(named: Held | undefined, given: Values): Held | undefined {
    if (!named || named.externalId !== null || this.#adopted.has(named.id)) return undefined;
    const isOther = ['email', 'phone'].some(
      (field) => given[field] && named[field] && given[field] !== named[field],
    );
    if (isOther) return undefined;
    this.#adopted.add(named.id);
    return named;
  }

  #keyOf(row: Row) {
    const name = String(row.values['name'] ?? '');
    const id = row.values['externalId'];
    const externalId = typeof id === 'string' ? externalIdOf(this.#context, id) : undefined;
    const namedId = this.#kind.names.find(name);
    return { row, name, externalId, namedId };
  }

  #change(row: Row, held: Held, given: Values): PlannedRow {
    const changes = changesOf(held, given);
    if (Object.keys(changes).length === 0) return { row, outcome: 'skipped', writes: [] };
    const write = { table: this.#kind.table, id: held.id, isNew: false, values: changes };
    return { row, outcome: 'updated', writes: [write] };
  }

  #make(row: Row, given: Values): PlannedRow {
    const { table, names, defaults } = this.#kind;
    const id = newId();
    names.add(String(row.values['name']), id);
    const values = { externalId: null, ...defaults, ...withoutBlanks(given, defaults) };
    return { row, outcome: 'created', writes: [{ table, id, isNew: true, values }] };
  }
}

const withoutBlanks = (given: Values, defaults: Values): Values =>
  Object.fromEntries(
    Object.entries(given).filter(([name, value]) => value !== null || !(name in defaults)),
  );

export function customerTarget(context: ImportContext, directory: Directory): Target {
  const isBusiness = /account|company|organi|client|контраг|компан|организ|юр|заказчик/i.test(
    context.headerOf('name'),
  );
  return new RecordTarget(context, directory, {
    table: 'customers',
    names: directory.customers,
    defaults: {
      code: '',
      type: isBusiness ? 'business' : 'individual',
      status: 'lead',
      notes: '',
      tags: [],
      custom: {},
    },
    valuesOf(row) {
      const { owner, externalId: _id, ...values } = row.values;
      const given: Values = { ...values, custom: customOf(row) };
      if (typeof owner !== 'string') return given;
      const ownerId = directory.memberOf(context, owner);
      return ownerId instanceof Problem
        ? { field: 'owner', problem: ownerId }
        : { ...given, ownerId };
    },
  });
}

export function productTarget(context: ImportContext, directory: Directory): Target {
  return new RecordTarget(context, directory, {
    table: 'products',
    names: directory.products,
    defaults: { series: '', currency: context.currency },
    valuesOf: ({ values: { externalId: _id, ...values } }) => values,
  });
}

/** Members without an account, in their teams; a manager is one more member of the team. */
export function memberTarget(context: ImportContext, directory: Directory): Target {
  const teamOf = (name: string): string | Problem =>
    directory.teams.find(name) ?? directory.make('teams', name, {});
  return new RecordTarget(context, directory, {
    table: 'members',
    names: directory.members,
    defaults: { roleId: directory.roleId('sales'), teamId: null, email: null },
    valuesOf({ values }) {
      const { name, email = null, team, role } = values;
      const roleId =
        typeof role === 'string'
          ? (directory.roles.find(role) ?? new Problem(`there is no role “${role}”`))
          : undefined;
      if (roleId instanceof Problem) return { field: 'role', problem: roleId };
      const teamId = typeof team === 'string' ? teamOf(team) : null;
      if (teamId instanceof Problem) return { field: 'team', problem: teamId };
      return { name, email, teamId, ...(roleId && { roleId }) };
    },
    makeNamed({ values: { manager } }, { teamId }) {
      if (typeof manager !== 'string' || directory.members.find(manager) !== undefined) return;
      directory.make('members', manager, { roleId: directory.roleId('manager'), teamId });
    },
  });
}
