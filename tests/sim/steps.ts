import type { AnyChange } from '#lib/shared/change.ts';
import type { Deal } from '#lib/shared/entities.ts';
import { insideOf } from './builds.ts';
import type { Gateway } from './gateway.ts';
import type { Cut, Link } from './network.ts';
import type { StepName } from './plan.ts';
import type { Run } from './run.ts';
import type { MadeChange, Person, Tab } from './tab.ts';
import { tables } from './tables.ts';
import type { Organization } from './world.ts';

type Picks = number[];
/** Does one thing and says what; says nothing when there is nothing to do it to. */
type Do = (run: Run, picks: Picks) => string | undefined;

const pick = <T>(list: readonly T[], share = 0): T | undefined =>
  list[Math.floor(share * list.length)];
const openTabs = (run: Run): Tab[] => [...run.tabs.values()].filter(({ isOpen }) => isOpen);
const busiest = (run: Run, share = 0): Organization =>
  (share < 0.8 ? run.organizations[0] : run.organizations[1]) as Organization;

/** Lets the person at a tab change something that the tab shows. */
function change(run: Run, tab: Tab, picks: Picks): string {
  const { createDeal, deleteDeal, moveDeal, updateDeal } = tab.build.deals;
  const { stages, pipelineId } = run.organizationOf(tab.person);
  const [kind = 0, which = 0, stage = 0, amount = 0] = picks;
  const deals = tab.live.rows('deals').all.sort((a, b) => (a.id < b.id ? -1 : 1));
  const deal = pick<Deal>(deals, which);
  const stageId = pick(stages, stage) ?? '';
  const value = Math.floor(amount * 1_000);
  const rank = `a${Math.floor(amount * 9)}`;
  const [name, input]: [AnyChange, Record<string, unknown>] =
    !deal || kind < 0.12
      ? [
          createDeal,
          {
            id: run.chance.uuid(),
            pipelineId,
            stageId,
            rank,
            title: `New ${value}`,
            currency: 'EUR',
          },
        ]
      : kind < 0.2
        ? [deleteDeal, { id: deal.id }]
        : kind < 0.6
          ? [moveDeal, { id: deal.id, stageId, rank }]
          : kind < 0.75
            ? [updateDeal, { id: deal.id, title: `Title ${value}` }]
            : kind < 0.85
              ? [updateDeal, { id: deal.id, title: deal.title }]
              : kind < 0.92
                ? [updateDeal, { id: deal.id, ownerId: tab.person.memberId }]
                : [updateDeal, { id: deal.id, value }];
  tab.run(() => send(run, tab, name, input));
  return `${tab.actor.name} ${name.name} ${JSON.stringify(input)}`;
}

function send(run: Run, tab: Tab, change: AnyChange, input: unknown): void {
  const { done } = tab.live.change(change as Parameters<Tab['live']['change']>[0], input);
  const pending = insideOf(tab.live).outbox.pending.at(-1);
  const made: MadeChange = {
    tab,
    id: `${pending?.clientId}:${pending?.seq}`,
    name: change.name,
    at: run.clock.now,
    outcome: 'open',
    data: undefined,
  };
  run.made.push(made);
  void done.then((outcome) => {
    // Who is no member any more is told nothing of what was done before.
    const isStranger = !outcome.ok && outcome.error.details.reason === 'noOrganization';
    made.outcome = outcome.ok ? 'ok' : isStranger ? 'untold' : 'refused';
    made.data = outcome.ok ? outcome.data : undefined;
    made.toldAt = run.clock.now;
    run.note(`${tab.actor.name} hears of ${made.id}: ${outcome.ok ? 'done' : outcome.error.code}`);
  });
}

/** Writes past the server, and says so. */
function write(
  run: Run,
  share: number,
  [what = 0, which = 0, other = 0, amount = 0]: Picks,
): string {
  const { id, stages, members, pipelineId } = busiest(run, share);
  const deals = [...run.postgres.rows('deals').values()]
    .filter((row) => row['organization_id'] === id)
    .map((row) => row.id);
  const deal = pick(deals, which) ?? '';
  const holding = amount > 0.9 ? 900 : 0;
  const title = `Said ${Math.floor(other * 1_000)}`;
  const stage_id = pick(stages, other);
  const [text, does]: [string, Parameters<Run['write']>[1]] =
    what < 0.25
      ? [`title of ${deal}`, (tx) => tables.updateDeal(tx, deal, { title })]
      : what < 0.5
        ? [`stage of ${deal}`, (tx) => tables.updateDeal(tx, deal, { stage_id })]
        : what < 0.6
          ? [`removal of ${deal}`, (tx) => tables.removeDeal(tx, deal)]
          : what < 0.7
            ? [
                `a new deal`,
                (tx) =>
                  tables.insertDeal(tx, {
                    id: run.chance.uuid(),
                    pipeline_id: pipelineId,
                    stage_id,
                    title,
                    rank: 'a1',
                    currency: 'EUR',
                    priority: 'low',
                    description: '',
                    tags: [],
                    value: 7,
                    probability: 1,
                    probability_manual: false,
                    owner_id: pick(members, amount) ?? null,
                  }),
              ]
            : what < 0.8
              ? [
                  `kind of ${stage_id}`,
                  (tx) =>
                    tables.updateStage(tx, stage_id ?? '', { kind: amount < 0.5 ? 'open' : 'won' }),
                ]
              : what < 0.9
                ? [
                    `several rows`,
                    async (tx) => {
                      for (const one of deals.slice(0, 3))
                        await tables.updateDeal(tx, one, { title });
                    },
                  ]
                : [
                    `what nobody watches`,
                    (tx) => tx.update('teams', busiest(run, share).teams[0] ?? '', { name: title }),
                  ];
  run.write(id, does, { holding });
  return `psql writes ${text}${holding ? ', and holds it' : ''}`;
}

const memberIn = (organization: Organization, share = 0): string =>
  // The first one stays as it is: somebody must be able to see.
  pick(organization.members.slice(1), share) ?? '';

const nodesOf = (run: Run): Gateway[] => run.network.nodes as Gateway[];
const linksOf = (run: Run): Link[] => [...run.network.links].filter(({ isCut }) => !isCut);
const personOf = (run: Run, share = 0): Person => pick(run.people, share) as Person;

export const steps: Record<StepName, Do> = {
  change(run, [who = 0, ...rest]) {
    const tab = pick(openTabs(run), who);
    return tab && change(run, tab, rest);
  },

  burst(run, [who = 0, ...rest]) {
    const tab = pick(openTabs(run), who);
    if (!tab) return undefined;
    for (let count = 0; count < 6; count += 1)
      change(
        run,
        tab,
        rest.map((share, at) => (share + count * 0.17 * (at + 1)) % 1),
      );
    return `${tab.actor.name} changes six times`;
  },

  write: (run, [share = 0, ...rest]) => write(run, share, rest),

  slowWrite(run, [share = 0, which = 0, how = 0]) {
    const { id } = busiest(run, share);
    const deals = [...run.postgres.rows('deals').values()].filter(
      (row) => row['organization_id'] === id,
    );
    const deal = pick(deals, which);
    if (!deal) return undefined;
    const holding = 100 + how * 2_000;
    run.write(id, (tx) => tables.updateDeal(tx, deal.id, { value: Math.floor(how * 900) }), {
      holding,
    });
    return `psql writes the value of ${deal.id} and commits ${Math.round(holding)} ms later`;
  },

  largeWrite(run, [share = 0, how = 0]) {
    const { id, members } = busiest(run, share);
    run.write(id, async (tx) => {
      for (let round = 0; round < 2 + how * 3; round += 1)
        for (const deal of tx.where('deals', () => true))
          await tables.updateDeal(tx, deal.id, { value: round, owner_id: pick(members, how) });
    });
    return 'psql writes every deal several times in one transaction';
  },

  handOver(run, [share = 0, which = 0, who = 0]) {
    const { id, members } = busiest(run, share);
    const entity = which < 0.7 ? 'deals' : 'customers';
    const rows = [...run.postgres.rows(entity).values()].filter(
      (row) => row['organization_id'] === id,
    );
    const row = pick(rows, (which * 7) % 1);
    if (!row) return undefined;
    const owner_id = pick([...members, null], who);
    run.write(id, (tx) =>
      entity === 'deals'
        ? tables.updateDeal(tx, row.id, { owner_id })
        : tables.writeOwned(tx, entity, row.id, { owner_id }),
    );
    return `psql gives ${entity} ${row.id} to ${String(owner_id)}`;
  },

  follow(run, [share = 0, which = 0, who = 0, where = 0, how = 0]) {
    const { id, members, pipelineId, stages } = busiest(run, share);
    const rows = [...run.postgres.rows('follows').values()].filter(
      (row) => row['organization_id'] === id,
    );
    const row = pick(rows, which)?.id ?? run.chance.uuid();
    const member = pick(members, who) ?? '';
    const record = (where < 0.7 ? pipelineId : stages[0]) ?? '';
    run.write(id, (tx) =>
      how < 0.2
        ? tx.remove('follows', row)
        : tables.follow(tx, how > 0.8 ? run.chance.uuid() : row, member, record),
    );
    return how < 0.2 ? `nobody follows by ${row}` : `${member} follows ${record}`;
  },

  roleChanges(run, [share = 0, who = 0, which = 0]) {
    const organization = busiest(run, share);
    const member = memberIn(organization, who);
    const role_id = pick(organization.roles, which);
    run.write(organization.id, (tx) => tables.updateMember(tx, member, { role_id }));
    return `${member} gets the role ${role_id}`;
  },

  roleLevel(run, [share = 0, which = 0, resource = 0, level = 0]) {
    const organization = busiest(run, share);
    const role = pick(organization.roles.slice(1), which) ?? '';
    const name =
      pick(['deals', 'customers', 'activities', 'directory', 'products'], resource) ?? '';
    const view = pick(['all', 'team', 'own', 'none'], level) ?? '';
    run.write(organization.id, async (tx) => {
      await tx.lock('roles', role);
      const access = tx.get('roles', role)?.['access'] as Record<string, object>;
      await tx.update('roles', role, { access: { ...access, [name]: { ...access[name], view } } });
    });
    return `the role ${role} sees ${name}: ${view}`;
  },

  teamChanges(run, [share = 0, who = 0, which = 0]) {
    const organization = busiest(run, share);
    const member = pick(organization.members, who) ?? '';
    const team_id = pick([...organization.teams, null], which);
    run.write(organization.id, (tx) => tables.updateMember(tx, member, { team_id }));
    return `${member} goes to the team ${String(team_id)}`;
  },

  memberOff(run, [share = 0, who = 0]) {
    const organization = busiest(run, share);
    const member = memberIn(organization, who);
    run.write(organization.id, (tx) => tables.updateMember(tx, member, { is_active: false }));
    return `${member} is shut out`;
  },

  memberOn(run, [share = 0, who = 0]) {
    const organization = busiest(run, share);
    const member = memberIn(organization, who);
    run.write(organization.id, (tx) => tables.updateMember(tx, member, { is_active: true }));
    return `${member} is let in again`;
  },

  endSession(run, [who = 0]) {
    const person = personOf(run, who);
    run.postgres.sessions.delete(person.session);
    run.endedSessions.set(person.session, run.clock.now);
    return `the session ${person.session} ends`;
  },

  cut(run, [which = 0, how = 0]) {
    const link = pick(linksOf(run), which);
    const first = pick<Cut>(['both', 'client', 'server'], how) ?? 'both';
    link?.cut(first);
    return link && `the line of ${link.client.actor.name} is cut, noticed first by ${first}`;
  },

  stall(run, [which = 0, how = 0]) {
    const link = pick(linksOf(run), which);
    if (!link) return undefined;
    link.stalledUntil = run.clock.now + 500 + how * 9_000;
    return `the line of ${link.client.actor.name} stalls`;
  },

  offline(run, [who = 0, how = 0]) {
    const { browser, memberId } = personOf(run, who);
    if (!browser.isOnline) return undefined;
    browser.setOnline(false);
    const back = (): void => browser.setOnline(true);
    run.clock.after(200 + how * 3_000, back, { name: 'weather', isAlive: true });
    return `the machine of ${memberId} loses its network`;
  },

  closeTab(run, [who = 0]) {
    const tab = pick(openTabs(run), who);
    if (tab) run.closeTab(tab);
    return tab && `${tab.actor.name} crashes`;
  },

  openTab(run, [who = 0]) {
    const person = personOf(run, who);
    if (run.tabs.size > 7) return undefined;
    if (!run.postgres.sessions.has(person.session)) {
      person.signInAgain();
      run.postgres.sessions.add(person.session);
    }
    const tab = run.openTab(person);
    return `${person.memberId} opens ${tab.actor.name}`;
  },

  killNode(run, [which = 0, how = 0]) {
    const node = pick(nodesOf(run), which);
    if (!node) return undefined;
    run.killNode(node);
    const again = (): void => {
      if (run.network.nodes.length < run.plan.nodes) run.startNode();
    };
    run.clock.after(how * 1_500, again, { name: 'watcher', isAlive: true });
    return `${node.actor.name} is killed`;
  },

  crashDatabase(run, [how = 0]) {
    run.crashDatabase(50 + how * 800);
    return 'the database crashes';
  },

  restoreDatabase(run, [how = 0, when = 0]) {
    const count = run.postgres.commits.length;
    run.crashDatabase(50 + how * 800, Math.max(2, count - Math.floor(when * 20)));
    return 'an older database is restored';
  },

  cutLog(run, [share = 0, how = 0]) {
    const { id } = busiest(run, share);
    const read = nodesOf(run).flatMap(({ live }) => live?.hubs.get(id)?.position ?? []);
    const upTo = Math.min(run.postgres.head(id), ...read);
    run.postgres.floors.set(id, Math.floor(upTo * how));
    return `the log is cut up to ${Math.floor(upTo * how)}`;
  },

  watch(run, [who = 0, which = 0, what = 0]) {
    const tab = pick(openTabs(run), who);
    const deal =
      tab &&
      pick<Deal>(
        tab.live.rows('deals').all.sort((a, b) => (a.id < b.id ? -1 : 1)),
        which,
      );
    if (!tab || !deal) return undefined;
    const { pipelineId } = run.organizationOf(tab.person);
    tab.run(() => {
      if (what < 0.4) tab.watch('deal', { id: deal.id });
      else if (what < 0.6) tab.watch('dealActivities', { dealId: deal.id });
      else if (what < 0.8) tab.watch('dealProducts', { dealId: deal.id });
      else tab.watch('pipelineDeals', { pipelineId, state: 'won' });
    });
    return `${tab.actor.name} opens ${deal.id}`;
  },

  unwatch(run, [who = 0, which = 0]) {
    const tab = pick(openTabs(run), who);
    const key = tab && pick([...tab.topics.keys()], which);
    if (!tab || key === undefined) return undefined;
    const held = tab.topics.get(key);
    tab.topics.delete(key);
    tab.run(() => held?.stop());
    return `${tab.actor.name} leaves ${key}`;
  },

  badFrames(run, [lost = 0, doubled = 0]) {
    run.network.faults.lostFrames = lost * 0.3;
    run.network.faults.doubledFrames = doubled * 0.3;
    return 'frames are lost and doubled';
  },

  badRequests(run, [lost = 0, replies = 0, doubled = 0]) {
    run.network.faults.lostRequests = lost * 0.4;
    run.network.faults.lostReplies = replies * 0.4;
    run.network.faults.doubledRequests = doubled * 0.5;
    return 'requests and answers are lost and doubled';
  },
};
