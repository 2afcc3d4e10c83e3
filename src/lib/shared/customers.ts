import { z } from 'zod/mini';
import { defineChange, given, type Inverse } from './change.ts';
import * as field from './fields.ts';

export const customerTypes = ['individual', 'business'] as const;
export const customerStatuses = ['active', 'inactive', 'lead', 'prospect', 'vip'] as const;

const email = z.nullable(
  z.string().check(z.trim(), z.maxLength(254), z.regex(/^[^\s@\0]+@[^\s@\0]+\.[^\s@\0]+$/)),
);
/** A page of the web, with or without its scheme; nothing that could run. */
const website = z.nullable(
  z.string().check(z.trim(), z.maxLength(300), z.regex(/^(https?:\/\/)?[^\s:/\0]+\.[^\s\0]+$/i)),
);

const editable = {
  name: field.name(),
  type: z.enum(customerTypes),
  status: z.enum(customerStatuses),
  email,
  phone: field.maybeText(50),
  company: field.maybeText(200),
  website,
  industry: field.maybeText(100),
  street: field.maybeText(200),
  city: field.maybeText(100),
  state: field.maybeText(100),
  country: field.maybeText(100),
  postalCode: field.maybeText(20),
  tags: field.tags,
  notes: field.text(),
  ownerId: z.nullable(field.id),
};
const some = z.partial(z.strictObject(editable)).shape;

/** The code (C001 …) is given by the server, once for ever. */
export const createCustomer = defineChange({
  name: 'customers.create',
  input: z.strictObject({ ...some, id: field.id, name: editable.name }),
  apply(rows, { id, name, ...fields }, { memberId, now }) {
    rows.insert('customers', {
      id,
      name,
      code: '',
      type: fields.type ?? 'individual',
      status: fields.status ?? 'lead',
      email: fields.email ?? null,
      phone: fields.phone ?? null,
      company: fields.company ?? null,
      website: fields.website ?? null,
      industry: fields.industry ?? null,
      street: fields.street ?? null,
      city: fields.city ?? null,
      state: fields.state ?? null,
      country: fields.country ?? null,
      postalCode: fields.postalCode ?? null,
      tags: fields.tags ?? [],
      notes: fields.notes ?? '',
      ownerId: fields.ownerId === undefined ? memberId : fields.ownerId,
      teamId: null,
      createdAt: now,
      createdBy: memberId,
    });
  },
  invert: (_, { id, ...fields }): Inverse => ({
    change: deleteCustomer,
    input: { id },
    entity: 'customers',
    id,
    left: given(fields),
  }),
});

export const updateCustomer = defineChange({
  name: 'customers.update',
  input: z.strictObject({ id: field.id, ...some }),
  apply(rows, { id, ...fields }) {
    rows.patch('customers', id, fields);
    const { name } = fields;
    if (name === undefined) return;
    for (const deal of rows.where('deals', ({ customerId }) => customerId === id)) {
      rows.patch('deals', deal.id, { customerName: name });
    }
  },
  invert(rows, { id, ...fields }): Inverse | undefined {
    const customer = rows.get('customers', id);
    if (!customer) return undefined;
    const names = Object.keys(fields) as (keyof typeof fields)[];
    const earlier = Object.fromEntries(names.map((name) => [name, customer[name]]));
    return {
      change: updateCustomer,
      input: { id, ...earlier },
      entity: 'customers',
      id,
      left: fields,
    };
  },
});

/** Refused while the customer has open deals. */
export const deleteCustomer = defineChange({
  name: 'customers.delete',
  input: z.strictObject({ id: field.id }),
  apply: (rows, { id }) => rows.remove('customers', id),
  invert: (_, { id }): Inverse => ({
    change: restoreCustomer,
    input: { id },
    entity: 'customers',
    id,
    left: {},
  }),
});

export const restoreCustomer = defineChange({
  name: 'customers.restore',
  input: z.strictObject({ id: field.id }),
  apply: () => undefined,
});
