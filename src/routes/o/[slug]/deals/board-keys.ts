import type { Deal } from '#lib/shared/entities.ts';
import type { Board, Column } from './board.svelte.ts';

/** Keys on a focused card: arrows roam or carry, Space lifts and drops, Shift with arrows moves at once. */
export function onCardKey(board: Board, focused: Deal, event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const { lifted } = board.drag;
  const isCarried = lifted?.by === 'keys';
  const deal = isCarried ? lifted.deal : focused;
  if (event.code === 'Space') {
    if (isCarried) board.drag.drop();
    else lift(board, deal);
    return true;
  }
  if (event.key === 'Enter') {
    if (isCarried) board.drag.drop();
    else board.open(deal.id);
    return true;
  }
  if (event.key === 'Escape' && isCarried) {
    board.drag.cancel();
    board.focus(deal.id);
    return true;
  }
  const step = steps[event.key];
  if (!step) return false;
  if (isCarried) carry(board, deal, step);
  else if (event.shiftKey && step.column !== 0) moveAside(board, deal, step.column);
  else roam(board, deal, step);
  return true;
}

/** To the next card or the one before, on into the next column; an open panel goes with it. */
export function stepBy(board: Board, by: 1 | -1): void {
  const deals = board.columns.flatMap((column) => column.deals);
  const at = deals.findIndex((deal) => deal.id === (board.openId ?? board.focusedId));
  const next = deals[at < 0 ? 0 : at + by];
  if (!next) return;
  if (board.openId) board.open(next.id);
  else document.getElementById(`deal-${next.id}`)?.focus();
}

const steps: Record<string, { column: number; row: number }> = {
  ArrowUp: { column: 0, row: -1 },
  ArrowDown: { column: 0, row: 1 },
  ArrowLeft: { column: -1, row: 0 },
  ArrowRight: { column: 1, row: 0 },
};

function lift(board: Board, deal: Deal): void {
  if (!board.canEdit(deal)) return board.sayCannotLift();
  const list = board.dealsIn(deal.stageId);
  const next = list[list.findIndex((one) => one.id === deal.id) + 1];
  const place = { stageId: deal.stageId, beforeId: next?.id ?? null };
  board.drag.liftByKeys(deal, place);
  board.say('say.lifted', deal, place);
}

function carry(board: Board, deal: Deal, step: { column: number; row: number }): void {
  const now = board.drag.place;
  if (!now) return;
  const columns = board.columns;
  const at = columns.findIndex((column) => column.stage.id === now.stageId);
  const target = columns[at + step.column];
  if (!target) return;
  const others = (column: Column) =>
    column.isFolded ? [] : column.deals.filter((one) => one.id !== deal.id);
  const here = columns[at] ? others(columns[at]) : [];
  const found = here.findIndex((one) => one.id === now.beforeId);
  const row = (found < 0 ? here.length : found) + step.row;
  const list = others(target);
  const beforeId = list[Math.max(0, Math.min(row, list.length))]?.id ?? null;
  const place = { stageId: target.stage.id, beforeId };
  board.drag.moveByKeys(place);
  board.say('say.moved', deal, place);
  document
    .querySelector(`[data-stage-id="${place.stageId}"] .insert`)
    ?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
}

function moveAside(board: Board, deal: Deal, by: number): void {
  if (!board.canEdit(deal)) return board.sayCannotLift();
  const at = board.stages.findIndex((stage) => stage.id === deal.stageId);
  const stage = board.stages[at + by];
  if (stage) board.actions.moveToStage(deal, stage);
}

function roam(board: Board, deal: Deal, step: { column: number; row: number }): void {
  const columns = board.columns.filter((column) => column.deals.length > 0);
  const at = columns.findIndex((column) => column.stage.id === deal.stageId);
  const row = columns[at]?.deals.findIndex((one) => one.id === deal.id) ?? -1;
  const list = columns[at + step.column]?.deals;
  const next = list?.[Math.max(0, Math.min(row + step.row, list.length - 1))];
  if (next) document.getElementById(`deal-${next.id}`)?.focus();
}
