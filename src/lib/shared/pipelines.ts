import { z } from 'zod/mini';
import { defineChange } from './change.ts';
import * as field from './fields.ts';

const editable = {
  name: field.name(),
  description: field.text(2_000),
  isActive: z.boolean(),
  position: field.rank,
};
const some = z.partial(z.strictObject(editable)).shape;

/** Without stages it gets the usual six. The first pipeline of an organization is its default. */
export const createPipeline = defineChange({
  name: 'pipelines.create',
  input: z.strictObject({
    ...some,
    id: field.id,
    name: editable.name,
    position: editable.position,
  }),
  apply(rows, { id, name, position, ...fields }) {
    rows.insert('pipelines', {
      id,
      name,
      position,
      description: fields.description ?? '',
      isActive: fields.isActive ?? true,
      isDefault: rows.where('pipelines', (one) => one.isDefault).length === 0,
    });
  },
});

export const updatePipeline = defineChange({
  name: 'pipelines.update',
  input: z.strictObject({ id: field.id, ...some }),
  apply: (rows, { id, ...fields }) => rows.patch('pipelines', id, fields),
});

/** Exactly one pipeline is the default. */
export const setDefaultPipeline = defineChange({
  name: 'pipelines.setDefault',
  input: z.strictObject({ id: field.id }),
  apply(rows, { id }) {
    for (const pipeline of rows.where('pipelines', () => true)) {
      if (pipeline.isDefault !== (pipeline.id === id)) {
        rows.patch('pipelines', pipeline.id, { isDefault: pipeline.id === id });
      }
    }
  },
});

/** A pipeline with deals names the stage, of another pipeline, that its deals go to. */
export const deletePipeline = defineChange({
  name: 'pipelines.delete',
  input: z.strictObject({ id: field.id, moveDealsTo: z.optional(field.id) }),
  apply(rows, { id, moveDealsTo }) {
    const target = moveDealsTo ? rows.get('stages', moveDealsTo) : undefined;
    for (const deal of rows.where('deals', ({ pipelineId }) => pipelineId === id)) {
      if (!target) continue;
      const { pipelineId, id: stageId, kind } = target;
      rows.patch('deals', deal.id, { pipelineId, stageId, state: kind });
    }
    for (const stage of rows.where('stages', ({ pipelineId }) => pipelineId === id)) {
      rows.remove('stages', stage.id);
    }
    rows.remove('pipelines', id);
  },
});
