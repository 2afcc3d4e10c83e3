import { z } from 'zod/mini';
import { defineChange } from './change.ts';
import * as field from './fields.ts';

/** An exact decimal, at most six places: partners send fractions of a kopeck. */
const decimal = z.string().check(z.regex(/^\d{1,13}(\.\d{1,6})?$/));
const quantity = decimal.check(z.refine((value) => Number(value) > 0, 'positive'));
const rate = z.string().check(
  z.regex(/^\d{1,9}(\.\d{1,10})?$/),
  z.refine((value) => Number(value) > 0, 'positive'),
);

const editable = {
  name: field.name(),
  series: field.text(200),
  price: z.nullable(decimal),
  currency: field.currency,
  isActive: z.boolean(),
};
const some = z.partial(z.strictObject(editable)).shape;

export const createProduct = defineChange({
  name: 'products.create',
  input: z.strictObject({
    ...some,
    id: field.id,
    name: editable.name,
    currency: editable.currency,
  }),
  apply(rows, { id, name, currency, ...fields }) {
    rows.insert('products', {
      id,
      name,
      currency,
      series: fields.series ?? '',
      price: fields.price ?? null,
      isActive: fields.isActive ?? true,
    });
  },
});

export const updateProduct = defineChange({
  name: 'products.update',
  input: z.strictObject({ id: field.id, ...some }),
  apply: (rows, { id, ...fields }) => rows.patch('products', id, fields),
});

/** Refused while a deal has it; such a product is made inactive. */
export const deleteProduct = defineChange({
  name: 'products.delete',
  input: z.strictObject({ id: field.id }),
  apply: (rows, { id }) => rows.remove('products', id),
});

/** Price and currency are those of the product, unless said otherwise. */
export const addDealProduct = defineChange({
  name: 'dealProducts.add',
  input: z.strictObject({
    id: field.id,
    dealId: field.id,
    productId: field.id,
    quantity: z.optional(quantity),
    unitPrice: z.optional(z.nullable(decimal)),
    currency: z.optional(field.currency),
  }),
  apply(rows, { id, dealId, productId, ...fields }) {
    const deal = rows.get('deals', dealId);
    const product = rows.get('products', productId);
    if (!deal || !product) return;
    rows.insert('dealProducts', {
      id,
      dealId,
      productId,
      quantity: fields.quantity ?? '1',
      unitPrice: fields.unitPrice === undefined ? product.price : fields.unitPrice,
      currency: fields.currency ?? product.currency,
      ownerId: deal.ownerId,
      teamId: deal.teamId,
    });
  },
});

export const updateDealProduct = defineChange({
  name: 'dealProducts.update',
  input: z.strictObject({
    id: field.id,
    quantity: z.optional(quantity),
    unitPrice: z.optional(z.nullable(decimal)),
    currency: z.optional(field.currency),
  }),
  apply: (rows, { id, ...fields }) => rows.patch('dealProducts', id, fields),
});

export const removeDealProduct = defineChange({
  name: 'dealProducts.remove',
  input: z.strictObject({ id: field.id }),
  apply: (rows, { id }) => rows.remove('dealProducts', id),
});

/** What one unit of a currency costs in the organization's own, from a day on. */
export const setExchangeRate = defineChange({
  name: 'exchangeRates.set',
  input: z.strictObject({ id: field.id, currency: field.currency, validFrom: field.day, rate }),
  apply(rows, { id, currency, validFrom, rate: value }) {
    const [known] = rows.where(
      'exchangeRates',
      (one) => one.currency === currency && one.validFrom === validFrom,
    );
    if (known) rows.patch('exchangeRates', known.id, { rate: value });
    else rows.insert('exchangeRates', { id, currency, validFrom, rate: value });
  },
});

export const deleteExchangeRate = defineChange({
  name: 'exchangeRates.delete',
  input: z.strictObject({ id: field.id }),
  apply: (rows, { id }) => rows.remove('exchangeRates', id),
});
