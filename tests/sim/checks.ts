import type { AnyRow, EntityName } from '#lib/shared/entities.ts';
import type { LocalRows } from '#lib/shared/change.ts';
import { unpackId } from '#lib/shared/ids.ts';
import type { Frame, Op, Start, Welcome } from '#lib/shared/wire.ts';
import type { Rows, Standing } from '#tests/oracle/loops.ts';
import { insideOf, type Inside } from './builds.ts';
import { here } from './here.ts';
import { keyOfList, listOf, ToldLists } from './lists.ts';
import type { History } from './history.ts';
import type { Link } from './network.ts';
import { seesHere, shownBy, topicRows } from './rows.ts';
import { figuresOf } from './source.ts';
import type { MadeChange, Tab } from './tab.ts';

/** Something that must always hold does not. */
export class Violation extends Error {
  readonly rule: string;
  constructor(rule: string, message: string) {
    super(`${rule}: ${message}`);
    this.rule = rule;
  }
}

/** Milliseconds after which nothing may be sent under rights that are gone. */
const graceOfRights = 2_500;

interface World {
  history: History;
  tabs: Map<object, Tab>;
  made: MadeChange[];
  /** When a session ended. */
  endedSessions: Map<string, number>;
  /** When the database was last away. */
  lastAway(): number;
  epoch(): string;
  /** Where the log has an answered change; undefined when the database no longer knows of it. */
  positionOf(made: MadeChange): number | undefined;
}

interface LinkState {
  position: number | undefined;
  hasTotals: boolean;
  lists: ToldLists;
}

interface Expected {
  rows: Rows;
  standing: Standing | undefined;
  withTotals: boolean;
  lists: ToldLists | undefined;
}

/** Looks at every message and every browser after every step. */
export class Checks {
  readonly #world: World;
  readonly #links = new WeakMap<Link, LinkState>();
  readonly #tabs = new WeakMap<Tab, { low: number; epoch: string; position: number }>();
  done = 0;

  constructor(world: World) {
    this.#world = world;
  }

  #stateOf(link: Link): LinkState {
    let state = this.#links.get(link);
    if (!state)
      this.#links.set(
        link,
        (state = { position: undefined, hasTotals: false, lists: new ToldLists() }),
      );
    return state;
  }

  /** A server says something to a browser. */
  sent(link: Link, event: string, args: unknown[]): void {
    const tab = this.#world.tabs.get(link.client.actor);
    if (!tab) return;
    const state = this.#stateOf(link);
    if (event === 'start') state.position = (args[0] as Start).position;
    if (event === 'f') this.#sentFrame(tab, state, args[0] as Frame);
    if (event === 'rows') this.#sentRows(tab, args);
    if (event === 'f' || event === 'rows') this.#mayBeTold(tab);
  }

  #sentFrame(tab: Tab, state: LinkState, [from, to, txs = []]: Frame): void {
    if (state.position !== undefined && from !== state.position)
      throw new Violation(
        'I3',
        `a frame to ${tab.actor.name} begins at ${from}, not ${state.position}`,
      );
    if (to < from) throw new Violation('I3', `a frame goes back from ${from} to ${to}`);
    state.position = to;
    const { organizationId } = tab.person;
    const durable = this.#world.history.durable(organizationId);
    if (to > durable)
      throw new Violation('durable', `position ${to} is shown while ${durable} is on disk`);
    for (const [, , ops] of txs) for (const op of ops) this.#maySee(tab, op);
  }

  #maySee(tab: Tab, [, packed, rev, kind]: Op): void {
    if (kind === undefined) return;
    this.#readable(tab, unpackId(packed), rev);
  }

  #sentRows(tab: Tab, [key, body, late]: unknown[]): void {
    const list = JSON.parse(new TextDecoder().decode(body as Uint8Array)) as [string, number][];
    for (const [id, rev] of list) this.#readable(tab, id, rev, String(key));
    for (const [, , ops] of late as Frame[2] & object) for (const op of ops) this.#maySee(tab, op);
  }

  /** I2: what is sent was readable, as it is sent, by rights that were held a moment ago. */
  #readable(tab: Tab, id: string, rev: number, why = 'a frame'): void {
    const { organizationId, memberId } = tab.person;
    const { history } = this.#world;
    const since = Math.min(here.clock.now, this.#world.lastAway()) - graceOfRights;
    const standings = history.recentStandings(memberId, since);
    for (const entity of Object.keys(tab.build.entities.entities).concat('gadgets')) {
      const version = history.version(organizationId, entity, id, rev);
      if (!version?.row) continue;
      const { row, position } = version;
      const rows = history.at(organizationId, position);
      const isSeen = standings.some(
        (standing) => standing && seesHere(rows, standing, entity, row),
      );
      if (isSeen) return;
      throw new Violation('I2', `${why} shows ${entity} ${id} to ${tab.actor.name}`);
    }
    if (this.#world.lastAway() < here.clock.now - graceOfRights)
      throw new Violation(
        'I2',
        `${why} shows ${id} at ${rev}, which never was in the organization`,
      );
  }

  #mayBeTold({ actor, session }: Tab): void {
    const ended = this.#world.endedSessions.get(session);
    const away = this.#world.lastAway();
    if (ended !== undefined && Math.max(ended, away) < here.clock.now - graceOfRights)
      throw new Violation('I2', `${actor.name} is told something after its session ended`);
  }

  /** A browser has taken in a message. */
  delivered(link: Link, event: string, args: unknown[]): void {
    const tab = this.#world.tabs.get(link.client.actor);
    if (!tab) return;
    const state = this.#stateOf(link);
    if (event === 'welcome') tab.welcome = (args[0] as Welcome).columns;
    if (event === 'start') [state.hasTotals, tab.columns] = [false, tab.welcome];
    if (event === 'totals') state.hasTotals = true;
    state.lists.take(event, args);
    // Refusals come one by one before the rest of what other rights bring.
    if (link.hasHole) tab.isTorn = true;
    else if (event === 'f' || (event === 'start' && !(args[0] as Start).resumed))
      tab.isTorn = false;
    if (!tab.isTorn && event !== 'refused')
      this.tab(tab, { withTotals: state.hasTotals, lists: state.lists });
  }

  /** A browser shows exactly what the database said at its position, and its own changes over that. */
  tab(tab: Tab, { withTotals = true, lists }: { withTotals?: boolean; lists?: ToldLists }): void {
    this.done += 1;
    const inside = insideOf(tab.live);
    const { cursor } = inside;
    if (!cursor) return;
    const { epoch, position } = cursor;
    const known = this.#tabs.get(tab) ?? { low: 0, epoch, position: 0 };
    this.#tabs.set(tab, known);
    if (epoch !== this.#world.epoch()) return;
    if (known.epoch === epoch && position < known.position)
      throw new Violation(
        'I9',
        `${tab.actor.name} goes back from ${known.position} to ${position}`,
      );
    [known.epoch, known.position] = [epoch, position];
    this.#pendingIsRight(tab, inside);
    const { memberId, organizationId } = tab.person;
    const rows = this.#world.history.at(organizationId, position);
    const held = this.#world.history.standingsOf(memberId);
    let wrong = '';
    for (let at = known.low; at < held.length; at += 1) {
      const found = this.#differs(tab, inside, {
        rows,
        standing: held[at]?.standing,
        withTotals,
        lists,
      });
      if (found === undefined) {
        known.low = at;
        return;
      }
      wrong = found;
    }
    throw new Violation('I1', `${tab.actor.name} at ${position}: ${wrong}`);
  }

  /** What is not as the newest rights have it. */
  newestDiffers(tab: Tab): string | undefined {
    const inside = insideOf(tab.live);
    const { memberId, organizationId } = tab.person;
    const standing = this.#world.history.standingsOf(memberId).at(-1)?.standing;
    const rows = this.#world.history.at(organizationId, inside.cursor?.position ?? 0);
    const expected = { rows, standing, withTotals: true, lists: undefined };
    return this.#differs(tab, inside, expected);
  }

  #pendingIsRight(tab: Tab, { outbox, cursor, wanted }: Inside): void {
    const position = cursor?.position ?? 0;
    const isWhole = [...wanted.topics.values()].every((one) => one.isCurrent || one.refused);
    const late = outbox.pending.find(
      (one) =>
        one.position !== undefined && one.position <= position && one.epoch === cursor?.epoch,
    );
    if (late && isWhole)
      throw new Violation('I6', `${tab.actor.name} still lays ${late.seq} over ${position}`);
    const ids = new Set(outbox.pending.map(({ clientId, seq }) => `${clientId}:${seq}`));
    const lost = this.#world.made.find(
      (one) => one.tab === tab && one.outcome === 'open' && !ids.has(one.id),
    );
    if (lost) throw new Violation('I8', `${tab.actor.name} has dropped ${lost.id} unanswered`);
    const early = this.#world.made.find(
      (one) =>
        one.tab === tab &&
        one.outcome === 'ok' &&
        !ids.has(one.id) &&
        (this.#world.positionOf(one) ?? 0) > position,
    );
    if (early)
      throw new Violation('I6', `${tab.actor.name} has dropped ${early.id} before its rows`);
  }

  /** What is not as the oracle says, under one standing; undefined when all is. */
  #differs(
    tab: Tab,
    inside: Inside,
    { rows, standing, withTotals, lists }: Expected,
  ): string | undefined {
    const { build } = tab;
    const expected = new Map<EntityName, Map<string, AnyRow>>();
    const unsettled = new Set<string>();
    for (const [key, asked] of inside.wanted.topics) {
      const [name = '', ...values] = key.split('/');
      const { entity, by } = build.entities.topics[name as keyof typeof build.entities.topics];
      let those = expected.get(entity);
      if (!those) expected.set(entity, (those = new Map()));
      if (!asked.isCurrent && asked.refused === undefined) unsettled.add(entity);
      if (!asked.isCurrent || !standing) continue;
      for (const row of topicRows(rows, standing, { entity, by, values }))
        those.set(row.id, knownTo(tab, entity, shownBy(build, entity, row)));
    }
    for (const entity of unsettled) expected.delete(entity as EntityName);
    for (const [entity, those] of expected) {
      const base = inside.store.baseRows(entity);
      const wrong = difference(entity, those, base);
      if (wrong) return wrong;
    }
    const replayed = unsettled.size === 0 ? replay(expected, inside) : [];
    for (const [entity, those] of replayed) {
      const shown = new Map(tab.live.rows(entity).all.map((row) => [row.id, row as AnyRow]));
      const wrong = difference(`shown ${entity}`, those, shown);
      if (wrong) return wrong;
    }
    const totals = withTotals ? this.#totalsDiffer(tab, inside, rows, standing) : undefined;
    return totals ?? this.#listsDiffer(tab, rows, standing, lists);
  }

  /** Without `told` every list must be whole and right; else where the server has told of its places. */
  #listsDiffer(
    tab: Tab,
    rows: Rows,
    standing: Standing | undefined,
    told: ToldLists | undefined,
  ): string | undefined {
    for (const { params, list } of tab.lists) {
      const known = told?.of(keyOfList(params));
      // What another entity is in the order of is loaded anew a moment after a change.
      if (list.refused || (told && (!known || params.sort === 'stage'))) continue;
      const { ids } = listOf(rows, standing, tab.build, params);
      const shown = Array.from({ length: list.length }, (_, at) => list.at(at));
      const here = shown.filter((place) => !place?.isLeaving).map((place) => place?.id);
      const wrong = ids.some((id, at) => (known?.[at] ?? true) && here[at] !== id);
      if (wrong || here.length !== ids.length || list.total !== ids.length)
        return `the list by ${params.sort} is ${here.join()} of ${list.total}, not ${ids.join()}`;
    }
    return undefined;
  }

  #totalsDiffer(
    { build, totals, filter }: Tab,
    { outbox }: Inside,
    rows: Rows,
    standing: Standing | undefined,
  ): string | undefined {
    if (!totals?.totals.ready || outbox.pending.length > 0 || totals.totals.refused)
      return undefined;
    const measure = build.dealTotals.dealMeasure(filter);
    const counted = standing
      ? figuresOf(rows, standing, build, measure)
      : new Map<string, number[]>();
    const shown = [...totals.totals.groups].filter(([, figures]) => figures.some(Boolean));
    const sorted = (list: Iterable<unknown>): string => JSON.stringify([...list].sort());
    const [is, should] = [sorted(shown), sorted(counted)];
    return is === should ? undefined : `totals are ${is}, not ${should}`;
  }
}

/** A server tells the columns that it knows, and only those. */
const knownTo = ({ columns }: Tab, entity: string, row: Record<string, unknown>): AnyRow =>
  Object.fromEntries(
    Object.entries(row).filter(([name]) => columns[entity]?.includes(name)),
  ) as AnyRow;

/** The pending changes over rows, by the plainest means. */
function replay(
  base: Map<EntityName, Map<string, AnyRow>>,
  { outbox }: Inside,
): Map<EntityName, Map<string, AnyRow>> {
  const rows = new Map([...base].map(([entity, those]) => [entity, new Map(those)]));
  const of = (entity: EntityName): Map<string, AnyRow> =>
    rows.get(entity) ?? new Map<string, AnyRow>();
  const local = {
    get: (entity: EntityName, id: string) => of(entity).get(id),
    where: (entity: EntityName, test: (row: AnyRow) => boolean) =>
      [...of(entity).values()].filter(test),
    insert: (entity: EntityName, row: AnyRow) => void of(entity).set(row.id, row),
    patch: (entity: EntityName, id: string, fields: object) => {
      const row = of(entity).get(id);
      const set = Object.entries(fields).filter(([, value]) => value !== undefined);
      if (row) of(entity).set(id, { ...row, ...Object.fromEntries(set) });
    },
    remove: (entity: EntityName, id: string) => void of(entity).delete(id),
  } as unknown as LocalRows;
  for (const { change, input, moment } of outbox.pending)
    change.apply(local, input as never, moment);
  return rows;
}

function difference(
  what: string,
  expected: Map<string, AnyRow>,
  found: Map<string, AnyRow>,
): string | undefined {
  for (const [id, row] of expected) {
    const other = found.get(id);
    if (!other) return `${what} ${id} is missing`;
    for (const [name, value] of Object.entries(row)) {
      const is = other[name];
      if (is === value || (is === undefined && value === null)) continue;
      if (typeof is === 'object' && JSON.stringify(is) === JSON.stringify(value)) continue;
      return `${what} ${id}: ${name} is ${JSON.stringify(is)}, not ${JSON.stringify(value)}`;
    }
  }
  for (const id of found.keys()) if (!expected.has(id)) return `${what} ${id} should not be there`;
  return undefined;
}
