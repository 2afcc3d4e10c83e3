import { createHash } from 'node:crypto';
import { newId } from '#lib/shared/ids.ts';
import { minorDigits } from '#lib/shared/money.ts';
import type { Tx } from '../live/transaction.ts';
import type { Directory } from './directory.ts';
import { nameKey, SeenKeys } from './names.ts';
import { MOST_STAGES, nextRank, type PipelineTarget, type Stage } from './pipeline.ts';
import {
  changesOf,
  customOf,
  externalIdOf,
  findRecords,
  type ImportContext,
  type Plan,
  type PlannedRow,
  type Held,
  refusal,
  type Target,
  type Write,
} from './plan.ts';
import type { Row } from './rows.ts';
import { Problem } from './values.ts';

interface Line {
  id: string;
  productId: string;
}

interface Refs {
  stage: Stage;
  customerId: string | null;
  ownerId: string | null;
  productId: string | null;
}

/** Deals of one pipeline; each with one line for the product that it names. */
export class DealTarget implements Target {
  readonly #context: ImportContext;
  readonly #directory: Directory;
  readonly #pipeline: PipelineTarget;
  readonly #seen = new SeenKeys();
  readonly #likeness = new Map<string, number>();

  constructor(context: ImportContext, directory: Directory, pipeline: PipelineTarget) {
    this.#context = context;
    this.#directory = directory;
    this.#pipeline = pipeline;
  }

  async plan(tx: Tx, rows: Row[]): Promise<Plan> {
    this.#pipeline.addStages(rows.flatMap(({ values }) => text(values['stage']) ?? []));
    const keyed = rows.map((row) => ({ row, externalId: this.#externalIdOf(row) }));
    const externalIds = keyed.map(({ externalId }) => externalId);
    const known = await findRecords(tx, this.#context, { table: 'deals', externalIds, ids: [] });
    const lines = await findLines(tx, this.#context, [...known.byId.keys()]);
    const plan: Plan = { setup: [], rows: [], refused: [] };
    for (const { row, externalId } of keyed) {
      const held = known.byExternalId.get(externalId);
      const refs = this.#check(row, externalId, held);
      if ('reason' in refs) {
        plan.refused.push(refusal(row, this.#context.headerOf(refs.field), refs.reason));
      } else {
        plan.rows.push(
          held
            ? this.#change(row, refs, { held, lines: lines.get(held.id) ?? [] })
            : this.#make(row, refs, externalId),
        );
      }
    }
    plan.setup = [...this.#pipeline.takeSetup(), ...this.#directory.takeSetup()];
    return plan;
  }

  #check(
    row: Row,
    externalId: string,
    held: Held | undefined,
  ): Refs | { field: string; reason: string } {
    const before = this.#seen.lineBefore(externalId, row.line);
    if (before !== undefined)
      return { field: 'externalId', reason: `the same id as in line ${before}` };
    if (held && held['pipelineId'] !== this.#pipeline.id) {
      const reason = 'a deal of another pipeline has this id; give --source a name of its own';
      return { field: 'externalId', reason };
    }
    if (held && this.#isOtherMoney(row, held)) {
      const reason = `the deal is in ${String(held['currency'])} and the file names no currency: say --currency`;
      return { field: 'value', reason };
    }
    const stage = this.#stageOf(row, held);
    if (!stage) {
      const reason = `the pipeline has ${MOST_STAGES} stages already, and none of this name`;
      return { field: 'stage', reason };
    }
    const refs: Refs = { stage, customerId: null, ownerId: null, productId: null };
    const look = [
      ['customer', 'customerId', 'customerOf'],
      ['owner', 'ownerId', 'memberOf'],
      ['product', 'productId', 'productOf'],
    ] as const;
    for (const [field, column, find] of look) {
      const name = text(row.values[field]);
      if (name === undefined) continue;
      const id = this.#directory[find](this.#context, name);
      if (id instanceof Problem) return { field, reason: id.reason };
      refs[column] = id;
    }
    return refs;
  }

  // Some files say how far a deal has come in one column, and whether it is won or lost in another.
  #stageOf({ values }: Row, held: Held | undefined): Stage | undefined {
    const name = text(values['stage']);
    const there = () =>
      held ? this.#pipeline.getStage(held['stageId']) : this.#pipeline.firstStage();
    const stage = name ? this.#pipeline.findStage(name) : there();
    const { state } = values;
    const isClosed = state === 'won' || state === 'lost';
    return isClosed && stage?.kind !== state ? this.#pipeline.closedStage(state) : stage;
  }

  #isOtherMoney({ values }: Row, held: Held): boolean {
    if (typeof values['value'] !== 'number' || this.#currencyOf(values) !== undefined) return false;
    return minorDigits(String(held['currency'])) !== minorDigits(this.#context.currency);
  }

  /** Where the row, the file or the person says it. */
  #currencyOf(values: Row['values']): string | undefined {
    const { isCurrencyNamed, currency } = this.#context;
    return text(values['currency']) ?? (isCurrencyNamed ? currency : undefined);
  }

  #make(row: Row, refs: Refs, externalId: string): PlannedRow {
    const id = newId();
    const { priority, description, tags, probability, ...given } = this.#valuesOf(row, refs);
    const values = {
      externalId,
      pipelineId: this.#pipeline.id,
      rank: nextRank(refs.stage),
      title: titleOf(row),
      ...given,
      currency: text(row.values['currency']) ?? this.#context.currency,
      custom: customOf(row),
      source: given.source ?? this.#context.source ?? null,
      description: description ?? '',
      tags: tags ?? [],
      priority: priority ?? 'medium',
      ...(probability === null ? {} : { probability, probabilityManual: true }),
    };
    const writes: Write[] = [{ table: 'deals', id, isNew: true, values }];
    if (refs.productId) writes.push(this.#newLine(row, id, refs.productId));
    return { row, outcome: 'created', writes };
  }

  #change(row: Row, refs: Refs, { held, lines }: { held: Held; lines: Line[] }): PlannedRow {
    const { probability, ...given } = this.#valuesOf(row, refs);
    const changes = changesOf(held, {
      ...given,
      title: text(row.values['title']),
      currency: given.value === null ? text(row.values['currency']) : this.#currencyOf(row.values),
      custom: customOf(row),
      ...(probability === null ? {} : { probability }),
    });
    if ('stageId' in changes) changes['rank'] = nextRank(refs.stage);
    if ('probability' in changes) changes['probabilityManual'] = true;
    const writes: Write[] = [];
    if (Object.keys(changes).length > 0) {
      writes.push({ table: 'deals', id: held.id, isNew: false, values: changes });
    }
    const { productId } = refs;
    if (productId && !lines.some((line) => line.productId === productId)) {
      const [only] = lines;
      writes.push(
        only && lines.length === 1
          ? { table: 'dealProducts', id: only.id, isNew: false, values: { productId } }
          : this.#newLine(row, held.id, productId),
      );
    }
    return { row, outcome: writes.length > 0 ? 'updated' : 'skipped', writes };
  }

  // The file's closing date of an open deal is the expected one.
  #valuesOf({ values }: Row, { stage, customerId, ownerId }: Refs) {
    const isOpen = stage.kind === 'open';
    const closing = values['closedOn'] ?? null;
    const expected = values['expectedCloseOn'] ?? null;
    return {
      stageId: stage.id,
      customerId,
      ownerId,
      value: values['value'] ?? null,
      openedOn: values['openedOn'] ?? null,
      expectedCloseOn: expected ?? (isOpen ? closing : null),
      closedOn: isOpen ? null : closing,
      probability: isOpen ? (values['probability'] ?? null) : null,
      priority: values['priority'] ?? null,
      source: values['source'] ?? null,
      lostNote: stage.kind === 'lost' ? (values['lostNote'] ?? null) : null,
      description: values['description'] ?? null,
      tags: values['tags'] ?? null,
    };
  }

  #newLine({ values }: Row, dealId: string, productId: string): Write {
    const currency = text(values['currency']) ?? this.#context.currency;
    const quantity = values['quantity'] ?? '1';
    return {
      table: 'dealProducts',
      id: newId(),
      isNew: true,
      values: { dealId, productId, quantity, currency },
    };
  }

  // A file without ids: a deal is known again by what it is about, and by which of several alike it is.
  #externalIdOf({ values, line }: Row): string {
    const id = text(values['externalId']);
    if (id) return externalIdOf(this.#context, id);
    const about = ['title', 'customer', 'owner', 'product', 'openedOn'];
    const key = about.map((field) => nameKey(text(values[field]) ?? '')).join('\n');
    if (key.trim() === '') return externalIdOf(this.#context, `line ${line}`);
    const hash = createHash('sha256')
      .update(`${this.#pipeline.id}\n${key}`)
      .digest('base64url')
      .slice(0, 22);
    const times = (this.#likeness.get(hash) ?? 0) + 1;
    this.#likeness.set(hash, times);
    return externalIdOf(this.#context, times === 1 ? hash : `${hash} ${times}`);
  }
}

function titleOf({ values, line }: Row): string {
  const named = [text(values['customer']), text(values['product'])].filter(Boolean).join(' - ');
  const title = text(values['title']) ?? (named || (text(values['externalId']) ?? `Deal ${line}`));
  return title.slice(0, 200);
}

async function findLines(
  tx: Tx,
  { organizationId }: ImportContext,
  dealIds: string[],
): Promise<Map<string, Line[]>> {
  if (dealIds.length === 0) return new Map();
  const rows = await tx
    .selectFrom('dealProducts')
    .select(['id', 'dealId', 'productId'])
    .where('organizationId', '=', organizationId)
    .where('dealId', 'in', dealIds)
    .execute();
  return Map.groupBy(rows, ({ dealId }) => dealId);
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : undefined;
