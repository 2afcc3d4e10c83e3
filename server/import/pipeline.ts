import { newId } from '#lib/shared/ids.ts';
import { rankBetween } from '#lib/shared/rank.ts';
import type { Tx } from '../live/transaction.ts';
import { nameKey } from './names.ts';
import type { ImportContext, Write } from './plan.ts';
import { guessStage, type StageKind } from './stage-words.ts';

export interface Stage {
  id: string;
  name: string;
  kind: StageKind;
  probability: number;
  position: string;
  /** Of its last deal; null without one. */
  lastRank: string | null;
}

export const MOST_STAGES = 50;

/** The pipeline that deals go into. Stages that it lacks are made, in the order a sale goes through them. */
export class PipelineTarget {
  readonly id: string;
  readonly name: string;
  /** The stages that were made, with what the names of closed ones were taken for. */
  readonly made: string[] = [];
  readonly #stages: Stage[];
  #setup: Write[];

  constructor(pipeline: { id: string; name: string }, stages: Stage[], setup: Write[] = []) {
    this.id = pipeline.id;
    this.name = pipeline.name;
    this.#stages = stages;
    this.#setup = setup;
  }

  /** What has to be written before deals can go in; each write is handed out once. */
  takeSetup(): Write[] {
    const setup = this.#setup;
    this.#setup = [];
    return setup;
  }

  /** Answers whether there was room for all. */
  addStages(names: string[]): boolean {
    const fresh = [...new Map(names.map((name) => [nameKey(name), name.trim()])).values()]
      .filter((name) => !this.findStage(name))
      .map((name) => ({ name, ...guessStage(name) }));
    const added = fresh.slice(0, MOST_STAGES - this.#stages.length);
    for (const stage of added.toSorted((a, b) => a.order - b.order)) this.#add(stage);
    return added.length === fresh.length;
  }

  getStage(id: unknown): Stage {
    const stage = this.#stages.find((one) => one.id === id);
    if (!stage) throw new Error(`The pipeline has no stage ${String(id)}`);
    return stage;
  }

  /** Where won or lost deals go whose stage says only how far they had come. */
  closedStage(kind: 'won' | 'lost'): Stage {
    const find = () => this.#stages.find((stage) => stage.kind === kind);
    if (!find()) this.#add({ name: kind === 'won' ? 'Won' : 'Lost', ...guessStage(kind) });
    return this.getStage(find()?.id);
  }

  /** By name; a won or lost stage also by its kind, where the pipeline has only one of that kind. */
  findStage(name: string): Stage | undefined {
    const key = nameKey(name);
    const named = this.#stages.find((stage) => nameKey(stage.name) === key);
    if (named) return named;
    const { kind } = guessStage(name);
    const alike = kind === 'open' ? [] : this.#stages.filter((stage) => stage.kind === kind);
    return alike.length === 1 && !this.#setup.some(({ id }) => id === alike[0]?.id)
      ? alike[0]
      : undefined;
  }

  firstStage(): Stage {
    if (this.#stages.length === 0) this.addStages(['Lead', 'Won', 'Lost']);
    const first = this.#stages.find(({ kind }) => kind === 'open') ?? this.#stages[0];
    if (!first) throw new Error('A pipeline without stages');
    return first;
  }

  #add({ name, kind, probability }: { name: string; kind: StageKind; probability: number }): void {
    const isBefore = (stage: Stage) =>
      kind !== 'open' || (stage.kind === 'open' && stage.probability <= probability);
    const after = this.#stages.findLastIndex(isBefore);
    const position = rankBetween(
      this.#stages[after]?.position ?? null,
      this.#stages[after + 1]?.position ?? null,
    );
    const stage: Stage = { id: newId(), name, kind, probability, position, lastRank: null };
    this.#stages.splice(after + 1, 0, stage);
    this.made.push(kind === 'open' ? name : `${name} (${kind})`);
    const values = { pipelineId: this.id, name, kind, probability, position };
    this.#setup.push({ table: 'stages', id: stage.id, isNew: true, values });
  }
}

export function nextRank(stage: Stage): string {
  stage.lastRank = rankBetween(stage.lastRank, null);
  return stage.lastRank;
}

/** The pipeline of this name, or a new one; without a name the organization's default. */
export async function findPipeline(
  tx: Tx,
  { organizationId }: ImportContext,
  name: string | undefined,
): Promise<PipelineTarget> {
  const pipelines = await tx
    .selectFrom('pipelines')
    .select(['id', 'name', 'isDefault', 'position'])
    .where('organizationId', '=', organizationId)
    .orderBy('position')
    .execute();
  const known = name
    ? pipelines.find((pipeline) => nameKey(pipeline.name) === nameKey(name))
    : (pipelines.find(({ isDefault }) => isDefault) ?? pipelines[0]);
  if (!known) {
    const pipeline = { id: newId(), name: name ?? 'Imported' };
    const position = rankBetween(pipelines.at(-1)?.position ?? null, null);
    const values = { name: pipeline.name, position, isDefault: pipelines.length === 0 };
    return new PipelineTarget(
      pipeline,
      [],
      [{ table: 'pipelines', id: pipeline.id, isNew: true, values }],
    );
  }
  const stages = await tx
    .selectFrom('stages')
    .select((eb) => [
      'stages.id',
      'stages.name',
      'stages.kind',
      'stages.probability',
      'stages.position',
      eb
        .selectFrom('deals')
        .select((deal) => deal.fn.max('deals.rank').as('rank'))
        .whereRef('deals.organizationId', '=', 'stages.organizationId')
        .whereRef('deals.stageId', '=', 'stages.id')
        .as('lastRank'),
    ])
    .where('organizationId', '=', organizationId)
    .where('pipelineId', '=', known.id)
    .orderBy('position')
    .execute();
  return new PipelineTarget(known, stages);
}
