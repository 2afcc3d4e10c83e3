import { newId } from '#lib/shared/ids.ts';
import type { Tx } from '../live/transaction.ts';
import type { Directory } from './directory.ts';
import { type Names, SeenKeys } from './names.ts';
import {
  changesOf,
  customOf,
  externalIdOf,
  findRecords,
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
  /** Beneath what the row says, in a new record. */
  defaults: Values;
}

/** Records known by an external id, or by their name where the file has no id. */
class RecordTarget implements Target {
  readonly #context: ImportContext;
  readonly #directory: Directory;
  readonly #kind: RecordKind;
  readonly #seen = new SeenKeys();

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
    for (const { row, name, externalId, namedId } of keyed) {
      const refuse = (field: string, { reason }: Problem) =>
        plan.refused.push(refusal(row, this.#context.headerOf(field), reason));
      const field = externalId ? 'externalId' : 'name';
      const before = this.#seen.lineBefore(externalId ?? names.keyOf(name), row.line);
      if (before !== undefined) {
        refuse(field, new Problem(`the same ${externalId ? 'id' : 'name'} as in line ${before}`));
        continue;
      }
      if (namedId instanceof Problem) {
        refuse(field, namedId);
        continue;
      }
      const values = this.#kind.valuesOf(row);
      if ('problem' in values && values['problem'] instanceof Problem) {
        refuse(String(values['field']), values['problem']);
        continue;
      }
      const held = externalId ? known.byExternalId.get(externalId) : known.byId.get(namedId ?? '');
      const given = externalId ? { ...values, externalId } : (values as Values);
      plan.rows.push(held ? this.#change(row, held, given) : this.#make(row, given));
    }
    plan.setup = this.#directory.takeSetup();
    return plan;
  }

  #keyOf(row: Row) {
    const name = String(row.values['name'] ?? '');
    const id = row.values['externalId'];
    const externalId = typeof id === 'string' ? externalIdOf(this.#context, id) : undefined;
    const namedId = externalId ? undefined : this.#kind.names.find(name);
    return { row, name, externalId, namedId };
  }

  #change(row: Row, held: Parameters<typeof changesOf>[0], given: Values): PlannedRow {
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
      const { name, email = null, team, manager, role } = values;
      const teamId = typeof team === 'string' ? teamOf(team) : null;
      if (teamId instanceof Problem) return { field: 'team', problem: teamId };
      if (typeof manager === 'string' && directory.members.find(manager) === undefined) {
        directory.make('members', manager, { roleId: directory.roleId('manager'), teamId });
      }
      if (typeof role !== 'string') return { name, email, teamId };
      const roleId = directory.roles.find(role) ?? new Problem(`there is no role “${role}”`);
      return roleId instanceof Problem
        ? { field: 'role', problem: roleId }
        : { name, email, teamId, roleId };
    },
  });
}
