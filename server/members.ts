import { z } from 'zod/mini';
import { notFound } from '#lib/shared/errors.ts';
import * as field from '#lib/shared/fields.ts';
import { chooseCardFields } from '#lib/shared/members.ts';
import { newId } from '#lib/shared/ids.ts';
import { assertAdministrator, lockAdministration, requireGrantable } from './auth/granting.ts';
import type { Member } from './access.ts';
import { listRecords, searchInput } from './lists.ts';
import type { Tx } from './live/transaction.ts';
import { allowed, change, member, query, router } from './trpc.ts';

const name = field.name();
const email = z.string().check(z.trim(), z.toLowerCase(), z.email(), z.maxLength(200));

const filters = {
  roleId: field.id,
  teamId: field.id,
  isActive: z.boolean(),
  email: z.string().check(z.maxLength(200)),
};

export const members = router({
  /** `id` is the organization's, which stands in one of the paths. */
  list: allowed('members.manage')
    .meta({
      permission: 'members.manage',
      rest: ['/users', '/organizations/{id}/members'].map((path) => ({
        method: 'GET',
        path,
        summary: 'The members of the organization',
      })),
    })
    .input(z.strictObject({ ...searchInput(filters).shape, id: z.optional(field.id) }))
    .query(({ ctx, input: { id, ...asked } }) =>
      query(ctx, async (tx) => {
        const { member } = ctx;
        if (id && id !== member.organizationId) throw notFound();
        const orderings = ['name', 'email', 'createdAt', 'isActive'] as const;
        const searched = ['name', 'email'];
        const page = await listRecords(
          tx,
          { table: 'members', member, orderings, searched },
          asked,
        );
        const shown = page.items.map((item) => item.id);
        if (shown.length === 0) return { ...page, items: [] };
        const rows = await membersOf(tx, member).where('m.id', 'in', shown).execute();
        const byId = new Map(rows.map((row) => [row.id, row]));
        return { ...page, items: shown.flatMap((one) => byId.get(one) ?? []) };
      }),
    ),

  get: allowed('members.manage')
    .meta({
      permission: 'members.manage',
      rest: [{ method: 'GET', path: '/users/{id}', summary: 'A member' }],
    })
    .input(z.strictObject({ id: field.id }))
    .query(({ ctx, input }) => query(ctx, (tx) => getMember(tx, ctx.member, input.id))),

  /** A member without an account: somebody to whom deals and tasks can belong. */
  create: allowed('members.manage')
    .meta({
      permission: 'members.manage',
      rest: [
        {
          method: 'POST',
          path: '/organizations/{id}/add_member',
          summary: 'Add a member, who has no account until an invitation is accepted',
          input: ({ params, body }) => ({ ...body, organizationId: params['id'] }),
        },
      ],
    })
    .input(
      z.strictObject({
        id: z._default(field.id, newId),
        /** The one that stands in the path. */
        organizationId: z.optional(field.id),
        name,
        email: z.optional(z.nullable(email)),
        roleId: field.id,
        teamId: z.optional(z.nullable(field.id)),
      }),
    )
    .mutation(({ ctx, input: { organizationId: named, ...input } }) =>
      change(ctx, 'members.create', input, async (tx) => {
        const { organizationId, memberId } = ctx.member;
        if (named && named !== organizationId) throw notFound();
        await grantableRole(tx, ctx.member, input.roleId);
        await tx
          .insertInto('members')
          .values({ ...input, organizationId, createdBy: memberId })
          .execute();
        return getMember(tx, ctx.member, input.id);
      }),
    ),

  update: allowed('members.manage')
    .meta({
      permission: 'members.manage',
      rest: [
        { method: 'PATCH', path: '/users/{id}', summary: 'Change a member' },
        { method: 'PUT', path: '/users/{id}', summary: 'Change a member' },
        {
          method: 'DELETE',
          path: '/users/{id}',
          summary: 'Shut a member out; what they own stays',
          input: ({ params }) => ({ id: params['id'], isActive: false }),
        },
      ],
    })
    .input(
      z.strictObject({
        id: field.id,
        name: z.optional(name),
        roleId: z.optional(field.id),
        teamId: z.optional(z.nullable(field.id)),
        isActive: z.optional(z.boolean()),
      }),
    )
    .mutation(({ ctx, input: { id, ...fields } }) =>
      change(ctx, 'members.update', { id, ...fields }, async (tx) => {
        await lockAdministration(tx, ctx.member);
        const { roleId } = await getMember(tx, ctx.member, id);
        await grantableRole(tx, ctx.member, roleId);
        if (fields.roleId) await grantableRole(tx, ctx.member, fields.roleId);
        if (Object.keys(fields).length > 0) {
          await tx
            .updateTable('members')
            .set(fields)
            .where('organizationId', '=', ctx.member.organizationId)
            .where('id', '=', id)
            .execute();
        }
        await assertAdministrator(tx, ctx.member);
        return getMember(tx, ctx.member, id);
      }),
    ),

  /** My own choice: nobody has another's. */
  chooseCardFields: member.input(chooseCardFields.input).mutation(({ ctx, input: { fields } }) =>
    change(ctx, 'members.chooseCardFields', { fields }, async (tx) => {
      const { organizationId, memberId } = ctx.member;
      await tx
        .updateTable('members')
        .set({ cardFields: fields })
        .where('organizationId', '=', organizationId)
        .where('id', '=', memberId)
        .execute();
      return { fields };
    }),
  ),
});

/** The role, when the caller may give it. */
export async function grantableRole(tx: Tx, me: Member, roleId: string) {
  const role = await tx
    .selectFrom('roles')
    .select(['id', 'slug', 'access'])
    .where('organizationId', '=', me.organizationId)
    .where('id', '=', roleId)
    .executeTakeFirstOrThrow(notFound);
  requireGrantable(me, role);
  return role;
}

function membersOf(tx: Tx, { organizationId }: Member) {
  return tx
    .selectFrom('members as m')
    .innerJoin('roles as r', (join) =>
      join.onRef('r.organizationId', '=', 'm.organizationId').onRef('r.id', '=', 'm.roleId'),
    )
    .select(['m.id', 'm.name', 'm.email', 'm.roleId', 'r.slug as role', 'm.teamId', 'm.isActive'])
    .select((eb) => eb('m.userId', 'is not', null).as('hasAccount'))
    .select(['m.rev', 'm.createdAt'])
    .where('m.organizationId', '=', organizationId);
}

function getMember(tx: Tx, me: Member, id: string) {
  return membersOf(tx, me).where('m.id', '=', id).executeTakeFirstOrThrow(notFound);
}
