import { insideOf, buildOf, type Build } from './builds.ts';
import type { Patch } from './hooks.ts';
import { Checks, Violation } from './checks.ts';
import { Clock } from './clock.ts';
import { breakConnections, commitNow, forgetConnections } from './connection.ts';
import { Gateway } from './gateway.ts';
import { here } from './here.ts';
import { History } from './history.ts';
import { Network } from './network.ts';
import { Postgres, Transaction, type Answer, type Mistakes } from './postgres.ts';
import type { Plan, Step, StepName } from './plan.ts';
import { Random } from './random.ts';
import { steps } from './steps.ts';
import { Person, Tab, type MadeChange } from './tab.ts';
import { makeOrganization, needed, type Organization } from './world.ts';

/** A mistake planted in the product, or in what stands in for the world around it. */
export interface Planted {
  name: string;
  patches: Patch[];
  mistakes?: Mistakes;
  /** What must happen for it to be met. */
  about?: StepName[];
  /** The first seed to try, where it is known to take many. */
  from?: number;
}

export interface Result {
  violation: Violation | undefined;
  trace: string[];
  events: number;
  looks: number;
}

/** Milliseconds that a browser may take to bring a change to its disk. */
const timeToKeep = 400;

/** Everything that takes part in one run. */
export class Run {
  readonly plan: Plan;
  readonly chance: Random;
  readonly clock = new Clock();
  readonly postgres: Postgres;
  readonly history: History;
  readonly checks: Checks;
  readonly network: Network;
  readonly builds: Build[];
  readonly organizations: Organization[] = [];
  readonly people: Person[] = [];
  readonly tabs = new Map<object, Tab>();
  readonly gone: { tab: Tab; kept: string[] }[] = [];
  readonly made: MadeChange[] = [];
  readonly endedSessions = new Map<string, number>();
  readonly trace: string[] = [];
  /** Whether the trace has every message and every commit. */
  isVerbose = false;
  lastAway = -Infinity;
  lastRestore = -Infinity;
  violation: Violation | undefined;
  #tabNumber = 0;
  #nodeNumber = 0;
  readonly #start: number;

  constructor(plan: Plan, builds: Build[], planted: Planted | undefined) {
    this.plan = plan;
    this.builds = builds;
    this.chance = new Random(plan.seed + 0x51ed);
    this.#start = this.clock.now;
    this.postgres = new Postgres(planted?.mistakes);
    this.history = new History(this.postgres);
    const { onCommit } = this.postgres;
    this.postgres.onCommit = (commit) => {
      onCommit(commit);
      const said = commit.writes.map(({ entity, id, op, rev }) => `${op} ${entity} ${id} ${rev}`);
      if (this.isVerbose)
        this.note(`commit ${[...commit.positions.values()].join()}: ${said.join(', ')}`);
    };
    this.checks = new Checks({
      history: this.history,
      tabs: this.tabs,
      made: this.made,
      endedSessions: this.endedSessions,
      lastAway: () => (this.postgres.isUp ? this.lastAway : this.clock.now),
      epoch: () => this.postgres.epoch,
      positionOf: (made) => this.#answerTo(made)?.pos,
    });
    this.network = new Network({
      sent: (link, event, args) => this.#looking(() => this.checks.sent(link, event, args)),
      delivered: (link, event, args) => {
        if (this.isVerbose) this.note(`${link.client.actor.name} <- ${event} ${spoken(args)}`);
        this.#looking(() => this.checks.delivered(link, event, args));
      },
    });
    forgetConnections();
    Object.assign(here, {
      clock: this.clock,
      chance: this.chance,
      network: this.network,
      browserOf: () => this.tabs.get(this.clock.current)?.person.browser,
      note: (text: string) => this.note(text),
    });
  }

  note(text: string): void {
    const at = ((this.clock.now - this.#start) / 1_000).toFixed(3);
    this.trace.push(`${at.padStart(8)}  ${text}`);
  }

  #looking(look: () => void): void {
    if (this.violation) return;
    try {
      look();
    } catch (error) {
      this.violation =
        error instanceof Violation ? error : new Violation('check', String((error as Error).stack));
      this.note(`VIOLATION ${this.violation.message}`);
    }
  }

  fail(violation: Violation): void {
    this.#looking(() => {
      throw violation;
    });
  }

  async begin(): Promise<void> {
    for (let count = 0; count < 2; count += 1)
      this.organizations.push(await makeOrganization(this.postgres, this.chance));
    for (const [at, { id, members }] of this.organizations.entries())
      for (const memberId of members.slice(0, at === 0 ? 4 : 1)) {
        const person = new Person(memberId, id);
        this.people.push(person);
        this.postgres.sessions.add(person.session);
        this.history.follow(memberId, id);
      }
    for (let count = 0; count < this.plan.nodes; count += 1) this.startNode();
    for (let count = 0; count < this.plan.tabs; count += 1)
      this.openTab(this.people[count % this.people.length] as Person);
  }

  anyBuild(): Build {
    return this.plan.isMixed ? this.chance.oneOf(this.builds) : (this.builds[0] as Build);
  }

  startNode(): void {
    this.#nodeNumber += 1;
    this.network.nodes.push(
      new Gateway(`node-${this.#nodeNumber}`, this.anyBuild(), this.postgres),
    );
  }

  killNode(node: Gateway): void {
    node.actor.isAlive = false;
    this.network.nodes.splice(this.network.nodes.indexOf(node), 1);
    this.network.drop(node.actor);
    // What it had sent before it died still arrives at the database.
    this.clock.after(100, () => breakConnections(node.actor), this.postgres.actor);
  }

  openTab(person: Person): Tab {
    this.#tabNumber += 1;
    const tab = new Tab(`tab-${this.#tabNumber}`, person, this.anyBuild());
    this.tabs.set(tab.actor, tab);
    const organization = this.organizationOf(person);
    const { pipelineId } = organization;
    // One's own rows are refused to nobody: a page without them may have nothing at all.
    const isFollowing = this.#tabNumber % 2 === 0;
    tab.run(() => {
      tab.open(needed(organization), pipelineId);
      if (isFollowing) tab.watch('follows', { recordId: pipelineId });
    });
    return tab;
  }

  closeTab(tab: Tab): void {
    const kept = tab.person.browser
      .kept('changes')
      .map(({ clientId, seq }) => `${String(clientId)}:${String(seq)}`);
    // A refusal that has not come to the disk is forgotten with the tab, and the change is sent again.
    for (const one of this.made)
      if (one.tab === tab && one.outcome === 'refused')
        if ((one.toldAt ?? 0) > this.clock.now - timeToKeep) one.outcome = 'untold';
    const unkept = this.made.find(
      (one) =>
        one.tab === tab &&
        one.outcome === 'open' &&
        one.at < this.clock.now - timeToKeep &&
        !kept.includes(one.id),
    );
    if (unkept) this.fail(new Violation('lost', `${unkept.id} was not on the disk of its browser`));
    this.gone.push({ tab, kept });
    this.tabs.delete(tab.actor);
    tab.close();
    for (const link of this.network.links) if (link.client.actor === tab.actor) link.leave();
  }

  organizationOf({ organizationId }: Person): Organization {
    return this.organizations.find(({ id }) => id === organizationId) as Organization;
  }

  /** Somebody writes past the server, as in psql. */
  write(
    organizationId: string,
    run: (tx: Transaction) => Promise<void>,
    { holding = 0 } = {},
  ): void {
    const { postgres } = this;
    const write = async (): Promise<void> => {
      if (!postgres.isUp) return;
      const tx = new Transaction(postgres, { organizationId, actor: null, mutationId: null });
      try {
        await run(tx);
        if (holding > 0)
          await new Promise<void>((resolve) => this.clock.after(holding, resolve, postgres.actor));
        if (postgres.running.has(tx)) await commitNow(postgres, tx);
      } catch {
        postgres.end(tx);
      }
    };
    this.clock.after(0, () => void write(), postgres.actor);
  }

  crashDatabase(away: number, backTo?: number): void {
    if (!this.postgres.isUp) return;
    if (backTo === undefined) this.postgres.crash();
    else this.postgres.restore(backTo);
    if (backTo !== undefined) this.lastRestore = this.clock.now;
    this.history.forget();
    breakConnections(undefined);
    const wait = this.clock.now + away;
    this.clock.after(
      away,
      () => {
        this.lastAway = wait;
        this.postgres.start();
      },
      this.postgres.actor,
    );
    // A restored database is another one: every server starts anew.
    if (backTo === undefined) return;
    for (const node of [...this.network.nodes]) {
      this.killNode(node as Gateway);
      this.startNode();
    }
  }

  async play(): Promise<Result> {
    await this.begin();
    const actor = { name: 'plan', isAlive: true };
    for (const step of this.plan.steps)
      this.clock.after(600 + step.at, () => this.#take(step), actor);
    const end = this.clock.now + 700 + (this.plan.steps.at(-1)?.at ?? 0);
    const isOver = (): boolean => this.violation !== undefined;
    await this.clock.runUntil(end, isOver);
    if (!isOver()) await this.#rest();
    return {
      violation: this.violation,
      trace: this.trace,
      events: this.clock.ran,
      looks: this.checks.done,
    };
  }

  #take(step: Step): void {
    const said = steps[step.name](this, step.picks);
    if (said) this.note(said);
  }

  /** Everything is healed, and must be well soon. */
  async #rest(): Promise<void> {
    this.note('all is healed');
    const isOver = (): boolean => this.violation !== undefined;
    this.heal();
    await this.clock.runUntil(this.clock.now + 1_500, isOver);
    // Whoever missed the last frame notices at the next.
    const hasLostFrames = this.plan.steps.some(({ name }) => name === 'badFrames');
    for (const { id, stages } of hasLostFrames ? this.organizations : [])
      this.write(id, (tx) =>
        tx.update('stages', stages[0] ?? '', { name: `Last ${this.chance.next()}` }),
      );
    await this.clock.runUntil(this.clock.now + 500, isOver);
    const deadline = this.clock.now + 25_000;
    let unwell = '';
    while (!isOver() && this.clock.now < deadline) {
      await this.clock.runUntil(this.clock.now + 250, isOver);
      this.#comeBack();
      unwell = this.#unwell();
      if (unwell === '') break;
    }
    if (isOver()) return;
    if (unwell) return this.fail(new Violation('I15', unwell));
    const members = [...this.tabs.values()].filter(({ person }) => this.#isMember(person));
    for (const tab of members) this.#looking(() => this.checks.tab(tab, {}));
    this.#looking(() => this.#account());
  }

  heal(): void {
    for (const fault of Object.keys(this.network.faults) as (keyof Network['faults'])[])
      this.network.faults[fault] = 0;
    for (const link of this.network.links) link.stalledUntil = 0;
    for (const { browser } of this.people) if (!browser.isOnline) browser.setOnline(true);
    while (this.network.nodes.length < this.plan.nodes) this.startNode();
    for (const person of this.people) {
      if (this.postgres.sessions.has(person.session)) continue;
      person.signInAgain();
      this.postgres.sessions.add(person.session);
    }
    for (const tab of [...this.tabs.values()])
      if (!this.postgres.sessions.has(tab.session)) this.closeTab(tab);
    this.#comeBack();
  }

  /** Everybody has a page that works: whoever has left something sees what became of it. */
  #comeBack(): void {
    for (const tab of [...this.tabs.values()])
      if (this.#isMember(tab.person) && tab.isOpen && tab.live.ended !== undefined)
        this.closeTab(tab);
    for (const person of this.people) {
      const isHere = [...this.tabs.values()].some((tab) => tab.person === person);
      if (!isHere) this.openTab(person);
    }
  }

  #isMember({ memberId }: Person): boolean {
    return this.history.standingsOf(memberId).at(-1)?.standing !== undefined;
  }

  /** What is not at rest yet; empty when all is. */
  #unwell(): string {
    for (const tab of this.tabs.values()) {
      if (!tab.isOpen) return `${tab.actor.name} is not open yet`;
      const { person, live, actor } = tab;
      if (!this.#isMember(person)) {
        if (live.ended === undefined && live.connection === 'online')
          return `${actor.name} is online, and is no member`;
        continue;
      }
      const inside = insideOf(live);
      const head = this.postgres.head(person.organizationId);
      if (live.connection !== 'online') return `${actor.name} is ${live.connection}`;
      if (live.unsent > 0) return `${actor.name} has ${live.unsent} unsent changes`;
      if (inside.cursor?.position !== head)
        return `${actor.name} is at ${inside.cursor?.position}, not ${head}`;
      for (const [key, asked] of inside.wanted.topics)
        if (!asked.isCurrent && asked.refused === undefined)
          return `${actor.name} waits for ${key}`;
      if (inside.outbox.pending.length > 0) return `${actor.name} still has pending changes`;
      const wrong = this.checks.newestDiffers(tab);
      if (wrong) return `${actor.name} does not show its rights of now: ${wrong}`;
      if (person.browser.kept('changes').length > 0)
        return `the browser of ${actor.name} keeps what was answered`;
    }
    return '';
  }

  /** Whichever server keeps it. */
  #answerTo({ id, tab }: MadeChange): Answer | undefined {
    const end = ` ${tab.person.memberId} ${id}`;
    const known = this.postgres.answers.get(` ${tab.person.organizationId}${end}`);
    if (known || !this.postgres.mistakes.answersInMemory) return known;
    return [...this.postgres.answers].find(([key]) => key.endsWith(end))?.[1];
  }

  /** What became of every change that anybody made. */
  #account(): void {
    const { effects } = this.postgres;
    const kept = new Set(this.gone.flatMap((one) => one.kept));
    for (const change of this.made) {
      const { id, outcome, tab, name, data } = change;
      const count = effects.get(id) ?? 0;
      if (count > 1) throw new Violation('I7', `${name} ${id} was done ${count} times`);
      const { browser } = tab.person;
      const isMember = this.#isMember(tab.person);
      const isInTray = browser
        .kept('refused')
        .some((one) => `${String(one['clientId'])}:${String(one['seq'])}` === id);
      const isTakenBack = this.lastRestore > -Infinity;
      if (outcome === 'refused' && count > 0)
        throw new Violation('I7', `${name} ${id} was refused and done`);
      if (outcome === 'ok' && count === 0 && !isTakenBack)
        throw new Violation('durable', `${name} ${id} was acknowledged and is lost`);
      if (outcome === 'ok' && count === 1) {
        const stored = this.#answerTo(change)?.answer;
        if (JSON.stringify(stored ?? null) !== JSON.stringify(data ?? null))
          throw new Violation('I7', `${name} ${id} was answered in two ways`);
      }
      if (outcome === 'open' && isMember && this.tabs.has(tab.actor))
        throw new Violation('I15', `${name} ${id} was never answered`);
      if (
        outcome === 'open' &&
        isMember &&
        kept.has(id) &&
        count === 0 &&
        !isInTray &&
        !isTakenBack
      )
        throw new Violation('lost', `${name} ${id} was kept in the browser and is lost`);
    }
  }
}

const spoken = (args: unknown[]): string =>
  args
    .map((value) => (value instanceof Uint8Array ? String(value) : JSON.stringify(value)))
    .join(' ');

/** Plays a plan to its end, or to the first thing that is wrong. */
export async function play(
  plan: Plan,
  { planted, isVerbose = false }: { planted?: Planted; isVerbose?: boolean } = {},
): Promise<Result> {
  const builds = [await buildOf('now', planted), await buildOf('next', planted)];
  const run = new Run(plan, builds, planted);
  run.isVerbose = isVerbose;
  const onRejection = (error: unknown): void =>
    run.fail(
      new Violation('unhandled', error instanceof Error ? String(error.stack) : String(error)),
    );
  process.on('unhandledRejection', onRejection);
  process.on('uncaughtException', onRejection);
  try {
    return await run.play();
  } finally {
    process.off('unhandledRejection', onRejection);
    process.off('uncaughtException', onRejection);
  }
}
