import { guessStage } from './stage-words.ts';

export const targets = ['customers', 'products', 'deals', 'members'] as const;
export type TargetName = (typeof targets)[number];

export type Kind =
  | 'text'
  | 'name'
  | 'id'
  | 'day'
  | 'money'
  | 'decimal'
  | 'percent'
  | 'list'
  | 'currency'
  | 'choice'
  | 'auto';

/** What a column of a file can be. A `name` is looked up, an `auto` is a number where it looks like one. */
export interface Field {
  name: string;
  kind: Kind;
  /** How headers call it, best first: small letters, words divided by one space. */
  words: string[];
  /** Most letters. */
  max?: number;
  isRequired?: boolean;
  /** Words of the file for each value of a choice. */
  choices?: Record<string, string[]>;
}

/** Which value of a choice a word of a file means. */
export function choiceOf({ name, choices = {} }: Field, text: string): string | undefined {
  const word = text.toLowerCase().replaceAll('ё', 'е');
  const found = Object.keys(choices).find((choice) => choices[choice]?.includes(word));
  const { kind } = guessStage(name === 'state' ? text : '');
  return found ?? (kind === 'open' ? undefined : kind);
}

/** Headers that no field takes become custom values of these. */
export const hasCustomValues = (target: TargetName): boolean =>
  target === 'customers' || target === 'deals';

const words = (list: string): string[] => list.split(',').map((word) => word.trim());

const text = (name: string, max: number, list: string): Field => ({
  name,
  kind: 'text',
  max,
  words: words(list),
});
const name = (field: string, list: string): Field => ({
  name: field,
  kind: 'name',
  words: words(list),
});
const tags: Field = { name: 'tags', kind: 'list', words: words('tags, labels, теги, метки, тэги') };
const currency: Field = {
  name: 'currency',
  kind: 'currency',
  words: words('currency, currency code, валюта'),
};
const id = (list: string): Field => ({
  name: 'externalId',
  kind: 'id',
  max: 200,
  words: words(
    `${list}, external id, id, uid, guid, uuid, внешний код, ид, код, номер, number, code`,
  ),
});

const deals: Field[] = [
  id('opportunity id, deal id, record id, id сделки, номер сделки'),
  text(
    'title',
    200,
    'title, deal name, opportunity name, deal title, название сделки, название, наименование, сделка, тема, opportunity, deal, subject, name',
  ),
  name(
    'customer',
    'account, account name, customer, customer name, client, client name, company, company name, associated company, organization, клиент, имя клиента, контрагент, компания, заказчик, покупатель, организация',
  ),
  name(
    'owner',
    'sales agent, owner, deal owner, sales rep, sales representative, salesperson, seller, agent, rep, assigned to, responsible, ответственный, менеджер, продавец, сотрудник, владелец, manager',
  ),
  name('product', 'product, product name, item, товар, продукт, номенклатура, услуга'),
  { name: 'quantity', kind: 'decimal', words: words('quantity, qty, количество, кол во') },
  text(
    'stage',
    100,
    'deal stage, stage, stage name, sales stage, pipeline stage, этап, этап сделки, стадия, стадия сделки, статус сделки, status, статус',
  ),
  {
    name: 'state',
    kind: 'choice',
    words: words(
      'deal status, opportunity status, status, state, статус сделки, статус, состояние',
    ),
    choices: {
      open: words('open, active, in progress, открыта, открыт, в работе'),
      won: words('won, closed won, выиграна, выигран, успешна, успешно реализовано'),
      lost: words('lost, closed lost, проиграна, проигран, провалена, закрыто и не реализовано'),
    },
  },
  {
    name: 'openedOn',
    kind: 'day',
    words: words(
      'engage date, opened, open date, opened on, start date, created date, create date, creation date, created, created at, created on, дата открытия, открыта, дата создания, создана, дата начала, начало, дата',
    ),
  },
  {
    name: 'expectedCloseOn',
    kind: 'day',
    words: words(
      'expected close date, expected close, forecast close date, expected closing, ожидаемая дата закрытия, планируемая дата закрытия, плановая дата закрытия, план закрытия, плановая дата',
    ),
  },
  {
    name: 'closedOn',
    kind: 'day',
    words: words(
      'close date, closed date, closing date, closed on, closed time, closed, closed at, end date, дата закрытия, закрыта, закрытие, дата завершения, завершена',
    ),
  },
  {
    name: 'value',
    kind: 'money',
    words: words(
      'close value, deal value, deal amount, value, amount, opportunity amount, total, sum, revenue, budget, price, сумма сделки, сумма, бюджет, стоимость, выручка, цена',
    ),
  },
  currency,
  { name: 'probability', kind: 'percent', words: words('probability, вероятность') },
  {
    name: 'priority',
    kind: 'choice',
    words: words('priority, приоритет'),
    choices: {
      low: words('low, низкий'),
      medium: words('medium, normal, средний, обычный'),
      high: words('high, высокий'),
      urgent: words('urgent, critical, срочный, критический'),
    },
  },
  text('source', 200, 'lead source, source, источник'),
  text(
    'lostNote',
    1000,
    'lost reason, loss reason, reason, причина отказа, причина проигрыша, причина',
  ),
  text(
    'description',
    10_000,
    'description, notes, note, comment, comments, описание, комментарий, примечание',
  ),
  tags,
];

const customers: Field[] = [
  id('customer id, account id, client id, record id, company id, id клиента'),
  {
    ...text(
      'name',
      200,
      'account, account name, customer, customer name, client, client name, name, full name, company, company name, organization, клиент, контрагент, наименование, название, имя, фио, компания, организация, заказчик',
    ),
    isRequired: true,
  },
  {
    name: 'type',
    kind: 'choice',
    words: words('type, customer type, тип, тип клиента'),
    choices: {
      individual: words('individual, person, физлицо, физическое лицо, частное лицо, ип'),
      business: words(
        'business, company, organization, юрлицо, юридическое лицо, организация, компания',
      ),
    },
  },
  {
    name: 'status',
    kind: 'choice',
    words: words('status, customer status, статус'),
    choices: {
      active: words('active, активный, действующий'),
      inactive: words('inactive, неактивный'),
      lead: words('lead, лид'),
      prospect: words('prospect, потенциальный'),
      vip: words('vip, вип'),
    },
  },
  text('email', 254, 'email, e mail, mail, почта, электронная почта, эл почта'),
  text('phone', 50, 'phone, phone number, telephone, mobile, телефон, мобильный'),
  text('company', 200, 'company, company name, компания, организация'),
  text('website', 300, 'website, web site, site, url, сайт'),
  text('industry', 100, 'industry, sector, segment, отрасль, сфера, сектор, сегмент'),
  text('street', 200, 'street, address, адрес, улица'),
  text('city', 100, 'city, town, город'),
  text('state', 100, 'state, region, province, область, регион'),
  text('country', 100, 'country, office location, location, страна'),
  text('postalCode', 20, 'postal code, zip, zip code, postcode, индекс, почтовый индекс'),
  name(
    'owner',
    'owner, account owner, account manager, sales rep, assigned to, responsible, ответственный, менеджер',
  ),
  text(
    'notes',
    10_000,
    'notes, note, comment, comments, description, примечание, комментарий, описание',
  ),
  tags,
];

const products: Field[] = [
  id('product id, sku, article, артикул, код товара'),
  {
    ...text(
      'name',
      200,
      'product, product name, name, item, title, товар, наименование, название, номенклатура, продукт',
    ),
    isRequired: true,
  },
  text(
    'series',
    200,
    'series, category, group, line, family, серия, категория, группа, группа товаров, линейка',
  ),
  {
    name: 'price',
    kind: 'decimal',
    words: words(
      'sales price, sale price, price, list price, unit price, цена, цена продажи, стоимость',
    ),
  },
  currency,
];

const members: Field[] = [
  id('employee id, agent id, member id, табельный номер'),
  {
    ...text(
      'name',
      200,
      'sales agent, agent, name, full name, employee, sales rep, salesperson, seller, member, имя, фио, сотрудник, продавец, менеджер по продажам, агент',
    ),
    isRequired: true,
  },
  text('email', 254, 'email, e mail, mail, почта, электронная почта'),
  text(
    'team',
    100,
    'team, regional office, region, office, department, команда, отдел, регион, офис, филиал',
  ),
  text(
    'manager',
    200,
    'manager, supervisor, head, boss, team lead, руководитель, начальник, менеджер',
  ),
  text('role', 100, 'role, роль'),
];

export const fieldsOf: Record<TargetName, Field[]> = { customers, products, deals, members };
