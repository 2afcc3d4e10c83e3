import type { OpenLive } from '#lib/live/context.ts';
import type { Made } from '#lib/live/live.svelte.ts';
import type { UndoOutcome } from '#lib/live/undo.ts';
import {
  completeActivity,
  createActivity,
  deleteActivity,
  noteOf,
} from '#lib/shared/activities.ts';
import { createCustomer, deleteCustomer, updateCustomer } from '#lib/shared/customers.ts';
import { instantOf } from '#lib/shared/dates.ts';
import type { Customer } from '#lib/shared/entities.ts';
import type { AppError } from '#lib/shared/errors.ts';
import { newId } from '#lib/shared/ids.ts';
import { faultText } from '#lib/ui/fault.ts';
import { fieldText } from '#lib/ui/field-fault.ts';
import { inputFault } from '#lib/ui/input-fault.ts';
import type { Toasts } from '#lib/ui/toasts.svelte.ts';
import type { Words } from '#lib/ui/words.svelte.ts';
import { choicesOf, editOf, type CustomerEdit, type Field } from './columns.ts';
import type { Customers } from './customers.svelte.ts';

type NewActivity = Pick<Parameters<typeof createActivity.apply>[1], 'kind' | 'title'>;

/** What a person does to customers: each is shown at once and says when it was refused. */
export class CustomerActions {
  readonly #customers: Customers;
  readonly #live: OpenLive;
  readonly #words: Words;
  readonly #toasts: Toasts;

  constructor(options: { customers: Customers; live: OpenLive; words: Words; toasts: Toasts }) {
    this.#customers = options.customers;
    this.#live = options.live;
    this.#words = options.words;
    this.#toasts = options.toasts;
  }

  /** Answers what is wrong with the fields; undefined when the customer was taken. */
  async create(fields: CustomerEdit & { name: string }): Promise<AppError | undefined> {
    const input = { id: newId(), ...fields };
    const fault = inputFault(createCustomer.input, input);
    if (fault) return fault;
    const handles = ({ code }: AppError): boolean => code === 'BAD_INPUT';
    const made = this.#live.change(createCustomer, input, { handles });
    if (this.#live.connection === 'online') {
      const outcome = await made.done;
      if (!outcome.ok && handles(outcome.error)) return outcome.error;
    }
    const { name } = fields;
    this.#report(made, { name, text: this.#words.t('customer.created', { name }) });
    this.#customers.open(input.id);
    return undefined;
  }

  /** Writes what was typed into a field. Answers what is wrong with it; undefined when it was taken. */
  edit(customer: Customer, field: Field, text: string): string | undefined {
    const { id, name } = customer;
    const input = { id, ...editOf(field, text) };
    const fault = inputFault(updateCustomer.input, input);
    if (fault) return this.#faultOf(fault, field);
    const isStatus = field === 'status';
    const choices = choicesOf(field, { words: this.#words, owners: [] });
    const status = choices?.find(({ value }) => value === text)?.label ?? text;
    const said = this.#words.t('customer.statusChanged', { name, status });
    this.#report(
      this.#live.change(updateCustomer, input),
      isStatus ? { name, text: said } : { name },
    );
    return undefined;
  }

  /** Takes one of two values that two people gave a field. */
  choose({ id, name }: Customer, fields: CustomerEdit): void {
    this.#report(this.#live.change(updateCustomer, { id, ...fields }), { name });
  }

  remove({ id, name }: Customer): void {
    const { next, previous } = this.#customers.neighboursOf(id);
    if (this.#customers.openId === id) this.#customers.close();
    const made = this.#live.change(deleteCustomer, { id });
    const near = next ?? previous;
    if (near) this.#customers.focus(near, 'name');
    this.#report(made, { name, text: this.#words.t('customer.deleted', { name }), isKept: id });
  }

  /** `day` is the organization's, `time` like `16:30` or blank for the whole day. */
  plan(
    { id, name }: Customer,
    { day, time, ...what }: NewActivity & { day: string; time: string },
  ) {
    const dueAt = instantOf(day, time || '00:00', this.#words.timeZone);
    const input = { id: newId(), customerId: id, dueAt, ...what };
    this.#report(this.#live.change(createActivity, input), { name });
  }
  addNote({ id: customerId, name }: Customer, ...said: Parameters<typeof noteOf>): void {
    this.#report(this.#live.change(createActivity, { ...noteOf(...said), customerId }), { name });
  }
  finish({ id, title, doneAt }: { id: string; title: string; doneAt: number | null }): void {
    const made = this.#live.change(completeActivity, { id, isDone: doneAt === null });
    this.#report(made, { name: title });
  }
  removeActivity({ id, title }: { id: string; title: string }): void {
    this.#report(this.#live.change(deleteActivity, { id }), { name: title });
  }

  async copyLink(id: string): Promise<void> {
    await navigator.clipboard.writeText(new URL(this.#customers.pageOf(id), location.href).href);
    this.#toasts.show({ text: this.#words.t('deal.linkCopied') });
  }

  undo(run: () => Promise<UndoOutcome>): void {
    const means = { words: this.#words, toasts: this.#toasts };
    void Promise.all([run(), import('#lib/ui/undo/undo-last.ts')]).then(([done, { tellUndo }]) =>
      tellUndo(done, means),
    );
  }

  /** Says what was done, with the way back, or why it was refused. */
  #report(made: Made, said: { name: string; text?: string; isKept?: string }): void {
    const { undo } = made;
    const label = this.#words.t('common.undo');
    const action = undo && { label, hint: 'Ctrl Z', run: () => this.undo(undo) };
    const toast = said.text ? this.#toasts.show({ text: said.text, action }) : undefined;
    void made.done.then((outcome) => {
      if (outcome.ok) return;
      if (toast !== undefined) this.#toasts.close(toast);
      this.#refuse(outcome.error, said);
    });
  }

  #refuse(error: AppError, { name, isKept }: { name?: string; isKept?: string }): void {
    const { t } = this.#words;
    const [fault] = error.details.fields ?? [];
    const reason = fault ? this.#faultOf(error, fault.field) : faultText(t, error);
    const refused = name
      ? t('toast.wentBack', { title: name, reason })
      : t('toast.refused', { reason });
    const hasDeals = error.details.reason === 'customerHasOpenDeals';
    const show = { label: t('customer.showDeals'), run: () => this.#customers.open(isKept ?? '') };
    this.#toasts.show({
      text: isKept && name ? t('customer.kept', { name, reason }) : refused,
      tone: 'danger',
      ...(isKept && hasDeals ? { action: show } : {}),
    });
  }

  #faultOf(error: AppError, field: string): string {
    return fieldText(this.#words.t, error, field) || faultText(this.#words.t, error);
  }
}
