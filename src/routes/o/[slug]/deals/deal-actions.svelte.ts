import type { OpenLive } from '#lib/live/context.ts';
import type { Made } from '#lib/live/live.svelte.ts';
import type { UndoOutcome } from '#lib/live/undo.ts';
import { completeActivity, createActivity, noteOf } from '#lib/shared/activities.ts';
import { createCustomer } from '#lib/shared/customers.ts';
import { createDeal, deleteDeal, moveDeal, updateDeal } from '#lib/shared/deals.ts';
import { cardFields, chooseCardFields, type CardField } from '#lib/shared/members.ts';
import type { Deal, Stage } from '#lib/shared/entities.ts';
import type { AppError } from '#lib/shared/errors.ts';
import { instantOf } from '#lib/shared/dates.ts';
import { newId } from '#lib/shared/ids.ts';
import { rankBetween } from '#lib/shared/rank.ts';
import { faultText } from '#lib/ui/fault.ts';
import type { Toasts } from '#lib/ui/toasts.svelte.ts';
import type { Words } from '#lib/ui/words.svelte.ts';
import type { Board } from './board.svelte.ts';
import type { Place } from './drag.svelte.ts';

/** A move to Won or Lost that waits for its form. The card stays where it is until then. */
export interface Closing {
  deal: Deal;
  stage: Stage;
}

export type DealEdit = Omit<Parameters<typeof updateDeal.apply>[1], 'id'>;
type ActivityKind = Parameters<typeof createActivity.apply>[1]['kind'];

interface NewDeal {
  stage: Stage;
  title: string;
  value: number | null;
  customer?: { id: string; name: string } | { newName: string };
}

/** What a person does to deals on the board: each is shown at once and says when it was refused. */
export class DealActions {
  readonly #board: Board;
  readonly #live: OpenLive;
  readonly #words: Words;
  readonly #toasts: Toasts;

  closing = $state.raw<Closing>();
  isAmountAsked = $state(false);

  constructor(options: { board: Board; live: OpenLive; words: Words; toasts: Toasts }) {
    this.#board = options.board;
    this.#live = options.live;
    this.#words = options.words;
    this.#toasts = options.toasts;
  }

  drop(deal: Deal, place: Place): void {
    const stage = this.#board.stageOf(place.stageId);
    if (!stage) return;
    if (stage.kind !== 'open' && stage.id !== deal.stageId) return this.#ask(deal, stage);
    this.#move(deal, stage, place.beforeId);
  }

  moveToStage(deal: Deal, stage: Stage): void {
    if (stage.id === deal.stageId) return;
    if (stage.kind === 'open') this.#move(deal, stage, null);
    else this.#ask(deal, stage);
  }

  startClosing(deal: Deal, kind: 'won' | 'lost'): void {
    const stage = this.#board.closingStages.find((one) => one.kind === kind);
    if (stage && stage.id !== deal.stageId) this.#ask(deal, stage);
  }

  reopen(deal: Deal): void {
    const stage = this.#board.openStages.at(0);
    if (stage) this.#move(deal, stage, null);
  }

  cancelClosing(): void {
    const { closing } = this;
    this.closing = undefined;
    if (!closing) return;
    this.#board.say('say.cancelled', closing.deal);
    this.#board.focus(closing.deal.id);
  }

  confirmClosing(answer: { closedOn: string; value?: number | null; lostReasonId?: string }): void {
    const { closing } = this;
    this.closing = undefined;
    if (closing) this.#move(closing.deal, closing.stage, null, answer);
  }

  create({ stage, title, value, customer }: NewDeal): void {
    const last = this.#board.rowsIn(stage.id).at(-1);
    const made = this.#live.change(createDeal, {
      id: newId(),
      pipelineId: stage.pipelineId,
      stageId: stage.id,
      rank: rankBetween(last?.rank ?? null, null),
      title,
      value,
      currency: this.#board.currency,
      customerId: customer && this.#customerId(customer),
    });
    this.#report(made, { title, text: this.#words.t('toast.created', { title }) });
  }

  edit(deal: Deal, fields: DealEdit): void {
    this.#report(this.#live.change(updateDeal, { id: deal.id, ...fields }), { title: deal.title });
  }

  editClosedOn(deal: Deal, closedOn: string): void {
    const { id, stageId, title } = deal;
    this.#report(this.#live.change(moveDeal, { id, stageId, closedOn }), { title });
  }

  setCustomer(deal: Deal, customer: NewDeal['customer']): void {
    this.edit(deal, { customerId: customer ? this.#customerId(customer) : null });
  }

  remove(deal: Deal): void {
    const { id, title } = deal;
    if (this.#board.openId === id) this.#board.close();
    const made = this.#live.change(deleteDeal, { id });
    this.#report(made, { title, text: this.#words.t('deal.deleted', { title }) });
  }

  /** `day` is the organization's, `time` like `16:30` or blank for the whole day. */
  planActivity(
    deal: Deal,
    { kind, title, day, time }: { kind: ActivityKind; title: string; day: string; time: string },
  ): void {
    const dueAt = instantOf(day, time || '00:00', this.#words.timeZone);
    const input = { id: newId(), dealId: deal.id, customerId: deal.customerId, kind, title, dueAt };
    this.#report(this.#live.change(createActivity, input), { title: deal.title });
  }

  finishActivity(deal: Deal): void {
    if (!deal.nextActivityId) return;
    const input = { id: deal.nextActivityId, isDone: true };
    this.#report(this.#live.change(completeActivity, input), { title: deal.title });
  }

  /** Shows a field on my cards, or hides it. */
  flipCardField(field: CardField): void {
    const { cardFields: shown } = this.#board;
    const fields = cardFields.filter((one) => shown.has(one) !== (one === field));
    this.#report(this.#live.change(chooseCardFields, { fields }), { title: '' });
  }

  addNote(deal: Deal, ...said: Parameters<typeof noteOf>): void {
    const { id: dealId, customerId, title } = deal;
    const note = { ...noteOf(...said), dealId, customerId };
    this.#report(this.#live.change(createActivity, note), { title });
  }

  /** Tells of my moves that somebody else has moved on, and offers to move again. */
  tellOvertaken(): void {
    for (const { deal, by, stageId } of this.#board.people.takeOvertaken()) {
      const { t } = this.#words;
      const stage = this.#board.stageOf(stageId);
      const name = this.#board.memberName(by) || t('history.system');
      const to = this.#board.stageOf(deal.stageId)?.name ?? '';
      this.#toasts.show({
        text: t('toast.movedByOther', { name, title: deal.title, stage: to }),
        action: stage && { label: t('toast.moveAgain'), run: () => this.moveToStage(deal, stage) },
      });
    }
  }

  undo(run: () => Promise<UndoOutcome>): void {
    const means = { words: this.#words, toasts: this.#toasts };
    void Promise.all([run(), import('#lib/ui/undo/undo-last.ts')]).then(([done, { tellUndo }]) =>
      tellUndo(done, means),
    );
  }

  #customerId(customer: NonNullable<NewDeal['customer']>): string {
    if ('id' in customer) return customer.id;
    const id = newId();
    const made = this.#live.change(createCustomer, { id, name: customer.newName });
    this.#report(made, { title: customer.newName });
    return id;
  }

  #ask(deal: Deal, stage: Stage): void {
    this.#board.drag.lastFloating = undefined;
    this.closing = { deal, stage };
  }

  #move(
    deal: Deal,
    stage: Stage,
    beforeId: string | null,
    answer: { closedOn?: string; value?: number | null; lostReasonId?: string } = {},
  ): void {
    const list = this.#board.rowsIn(stage.id).filter((one) => one.id !== deal.id);
    const found = list.findIndex((one) => one.id === beforeId);
    const at = found < 0 ? list.length : found;
    const wasAt = this.#board.rowsIn(stage.id).findIndex((one) => one.id === deal.id);
    if (wasAt === at && Object.keys(answer).length === 0) {
      this.#board.say('say.cancelled', deal);
      return this.#board.focus(deal.id);
    }
    const rank = rankBetween(list[at - 1]?.rank ?? null, list[at]?.rank ?? null);
    this.#board.say('say.dropped', deal, { stageId: stage.id, beforeId });
    const made = this.#live.change(moveDeal, { id: deal.id, stageId: stage.id, rank, ...answer });
    this.#board.people.moved(deal.id, stage.id);
    this.#board.focus(deal.id);
    const { t } = this.#words;
    const { title } = deal;
    const from = this.#board.stageOf(deal.stageId)?.name ?? '';
    const text =
      deal.stageId === stage.id
        ? t('toast.reordered', { title, stage: stage.name })
        : t('toast.moved', { title, from, to: stage.name });
    this.#report(made, { title, text });
  }

  /** Says what was done, with the way back, or why it was refused. */
  #report(made: Made, { title, text }: { title: string; text?: string }): void {
    const { undo } = made;
    const label = this.#words.t('common.undo');
    const action = undo && { label, hint: 'Ctrl Z', run: () => this.undo(undo) };
    const toast = text ? this.#toasts.show({ text, action }) : undefined;
    void made.done.then((outcome) => {
      if (outcome.ok) return;
      if (toast !== undefined) this.#toasts.close(toast);
      this.#refuse(outcome.error, title);
    });
  }

  #refuse(error: AppError, title: string): void {
    const reason = faultText(this.#words.t, error);
    const { t } = this.#words;
    this.#toasts.show({
      text: title ? t('toast.wentBack', { title, reason }) : t('toast.refused', { reason }),
      tone: 'danger',
    });
  }
}
