import { sql } from 'kysely';
import { z } from 'zod/mini';
import { AppError, notFound } from '#lib/shared/errors.ts';
import * as field from '#lib/shared/fields.ts';
import { chooseCardFields } from '#lib/shared/members.ts';
import { newId } from '#lib/shared/ids.ts';
import { makeLink } from './auth/account-links.ts';
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

  /**
   * A link by which a member chooses a new password, for the administrator to hand over; shown this once.
   * Only of an account that is of no other organization: it opens all that the account opens.
   */
  makeResetLink: allowed('members.manage')
    .input(z.strictObject({ id: field.id }))
    .mutation(async ({ ctx, input }) => {
      const owner = await query(ctx, async (tx) => {
        const { roleId } = await getMember(tx, ctx.member, input.id);
        await grantableRole(tx, ctx.member, roleId);
        return resettableAccount(tx, ctx.member, input.id);
      });
      const token = await makeLink(ctx.app, { ...owner, purpose: 'reset' });
      const { userId } = owner;
      ctx.app.log.info({ event: 'reset link', userId, by: ctx.member.memberId }, 'reset link made');
      return { path: `/reset-password/${token}` };
    }),

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

async function resettableAccount(tx: Tx, { organizationId }: Member, id: string) {
  const { rows } = await sql<{ userId: string; email: string; isOurs: boolean }>`
    select u.id as user_id, u.email,
      platform.is_only_in(u.id, ${organizationId}::uuid) and not u.is_platform_admin as is_ours
    from members m join platform.users u on u.id = m.user_id and u.is_active
    where m.organization_id = ${organizationId}::uuid and m.id = ${id}::uuid and m.is_active`.execute(
    tx,
  );
  const [owner] = rows;
  if (!owner) throw new AppError('CONFLICT', { reason: 'noAccount' });
  if (!owner.isOurs) throw new AppError('FORBIDDEN', { reason: 'accountOfOthers' });
  return { userId: owner.userId, email: owner.email };
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
