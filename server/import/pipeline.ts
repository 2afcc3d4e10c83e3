import { newId } from '#lib/shared/ids.ts';
import { rankBetween } from '#lib/shared/rank.ts';
import type { Tx } from '../live/transaction.ts';
import { nameKey } from './names.ts';
import type { ImportContext, Write } from './plan.ts';

type Kind = 'open' | 'won' | 'lost';

export interface Stage {
  id: string;
  name: string;
  kind: Kind;
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
  /** Names of the stages that were made. */
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

  #add({ name, kind, probability }: { name: string; kind: Kind; probability: number }): void {
    const isBefore = (stage: Stage) =>
      kind !== 'open' || (stage.kind === 'open' && stage.probability <= probability);
    const after = this.#stages.findLastIndex(isBefore);
    const position = rankBetween(
      this.#stages[after]?.position ?? null,
      this.#stages[after + 1]?.position ?? null,
    );
    const stage: Stage = { id: newId(), name, kind, probability, position, lastRank: null };
    this.#stages.splice(after + 1, 0, stage);
    this.made.push(name);
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

const lostWords =
  /\b(lost|lose|loss|reject|declin|cancel|abandon|dead|disqualif)|проигр|провал|потер|отказ|неусп|не усп|не реализ|отмен|сорва/;
const wonWords = /\b(won|win|sold|paid|complete|success)|выигр|успеш|успех|продан|оплачен|реализов/;
const steps: [RegExp, number][] = [
  [/\b(lead|new|incoming|prospect|suspect|contact)|лид|нов|входящ|первич|контакт|обращени/, 10],
  [/\b(qualif|engag|discover|research|interest|meeting)|квалиф|выявл|встреч|интерес|потребн/, 25],
  [/\b(propos|quot|offer|demo|present)|предлож|кп|презент|оценк|смет/, 50],
  [/\b(negot|review|approv|decision)|перегов|соглас|решени/, 75],
  [/\b(contract|commit|sign|invoic|payment)|договор|подпис|счет|оплат/, 90],
];

/** What the name of a stage says of its kind and of how far the sale has come. */
function guessStage(name: string): { kind: Kind; probability: number; order: number } {
  const text = nameKey(name);
  if (lostWords.test(text)) return { kind: 'lost', probability: 0, order: 300 };
  if (wonWords.test(text)) return { kind: 'won', probability: 100, order: 200 };
  const probability = steps.find(([words]) => words.test(text))?.[1];
  return { kind: 'open', probability: probability ?? 50, order: probability ?? 50 };
}
