import { badInput } from '#lib/shared/errors.ts';
import { rankBetween } from '#lib/shared/rank.ts';
import { positionAt, type stageKinds } from '#lib/shared/stages.ts';
import type { Context } from '../trpc.ts';
import { act, crud } from './crud.ts';
import { lookUp } from './lookup.ts';
import type { RestRequest, RestRoute } from './route.ts';

const pipeline = crud('/pipelines', { one: 'pipeline', many: 'pipelines' });
const stage = crud('/pipeline-stages', { one: 'stage', many: 'stages' });

const activeOnly = ({ query: { activeOnly: only, ...rest } }: RestRequest) => ({
  ...rest,
  ...(only === undefined ? {} : { isActive: only === 'true' || only === true ? true : undefined }),
});

export const pipelineRest = {
  ...pipeline,
  list: pipeline.list.map((route) => ({ ...route, input: activeOnly })),
  create: pipeline.create.map((route) => ({ ...route, input: placedLast, filled: ['position'] })),
  setDefault: [
    act('/pipelines/{id}/set_default', 'Make a pipeline the default one', {
      message: 'Default pipeline set',
    }),
  ],
} satisfies Record<string, RestRoute[]>;

export const stageRest = {
  ...stage,
  create: stage.create.map((route) => ({ ...route, input: newStage, filled: ['position'] })),
  update: stage.update.map((route) => ({
    ...route,
    input: ({ params, body }: RestRequest) => ({ ...kindOf(body), ...params }),
  })),
  reorder: [
    act('/pipelines/{id}/reorder_stages', 'Put the stages of a pipeline in order', {
      input: ({ params, body }) => ({ pipelineId: params['id'], stageIds: stageOrder(body) }),
      filled: ['pipelineId'],
      message: 'Stages reordered',
    }),
  ],
  place: [
    act(
      '/pipeline-stages/{id}/reorder',
      'Move a stage to a place of its pipeline, counted from 1',
      {
        alsoKnownAs: { order: 'place', newOrder: 'place', position: 'place' },
        message: 'Stage moved',
      },
    ),
  ],
} satisfies Record<string, RestRoute[]>;

/** `[id, …]` or `[{id, order}, …]`. */
function stageOrder({ stageIds, stages, order }: Record<string, unknown>): unknown {
  const given = stageIds ?? stages ?? order;
  if (!Array.isArray(given)) return given;
  const places = given.map((one: unknown, at) =>
    typeof one === 'object' && one !== null && 'id' in one
      ? { id: one.id, order: 'order' in one ? Number(one.order) : at }
      : { id: one, order: at },
  );
  return places.sort((a, b) => a.order - b.order).map(({ id }) => id);
}

async function placedLast({ body }: RestRequest, context: Context): Promise<unknown> {
  const last = await lookUp(context, (tx) =>
    tx
      .selectFrom('pipelines')
      .select((eb) => eb.fn.max('position').as('position'))
      .executeTakeFirst(),
  );
  return { position: rankBetween(last?.position ?? null, null), ...body };
}

async function newStage({ body }: RestRequest, context: Context): Promise<unknown> {
  const { order, ...fields } = kindOf(body);
  const { pipelineId } = fields;
  if (typeof pipelineId !== 'string') throw badInput('pipelineId', 'required');
  const stages = await lookUp(context, (tx) =>
    tx
      .selectFrom('stages')
      .select(['position'])
      .where((eb) => eb(eb.cast<string>('pipelineId', 'text'), '=', pipelineId.toLowerCase()))
      .orderBy('position')
      .execute(),
  );
  const place = order === undefined ? (stages?.length ?? 0) + 1 : Number(order);
  if (!Number.isInteger(place) || place < 1) throw badInput('order', 'invalid');
  return { position: positionAt(stages ?? [], place), ...fields };
}

/** Callers may say what a closing stage is by two flags. */
function kindOf({
  isClosedWon,
  isClosedLost,
  ...fields
}: Record<string, unknown>): Record<string, unknown> {
  if (isClosedWon === undefined && isClosedLost === undefined) return fields;
  const kind: (typeof stageKinds)[number] = isClosedWon ? 'won' : isClosedLost ? 'lost' : 'open';
  return { kind, ...fields };
}
