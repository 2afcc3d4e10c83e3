import { z } from 'zod/mini';
import { AppError, notFound } from '#lib/shared/errors.ts';
import * as field from '#lib/shared/fields.ts';
import { newId } from '#lib/shared/ids.ts';
import type { Access } from '#lib/shared/standing.ts';
import { permissions, type Member } from './access.ts';
import { isAdministration, requireGrantable } from './auth/granting.ts';
import { listInput, listRecords } from './lists.ts';
import type { Tx } from './live/transaction.ts';
import { wholePage } from './organizations.ts';
import { slugOf } from './slugs.ts';
import { allowed, change, member, query, router } from './trpc.ts';

const name = field.name(100);
const description = field.text(1000);
const level = z.enum(['all', 'team', 'own', 'none']);
const access = z
  .record(z.string(), z.record(z.string(), level))
  .check(z.refine((value) => namesOf(value).every(isPermission), 'unknownPermission'));
const list = (rows: unknown[]) => ({ data: rows, meta: wholePage(rows.length) });

export const roles = router({
  list: allowed('directory.view')
    .meta({
      permission: 'directory.view',
      rest: [{ method: 'GET', path: '/roles', summary: 'The roles of the organization' }],
    })
    .input(
      z.optional(listInput({ slug: z.string().check(z.maxLength(100)), isBuiltIn: z.boolean() })),
    )
    .query(({ ctx, input = { page: 1, perPage: 100 } }) =>
      query(ctx, async (tx) => {
        const orderings = ['createdAt', 'name', 'slug'] as const;
        const plan = { table: 'roles', member: ctx.member, orderings } as const;
        const page = await listRecords(tx, plan, input);
        const items = page.items.map(
          ({ id, slug, name: title, isBuiltIn, access: rights, rev }) => {
            return { id, slug, name: title, isBuiltIn, access: rights, rev };
          },
        );
        return { ...page, items };
      }),
    ),

  permissions: member
    .meta({
      permission: 'member',
      rest: [{ method: 'GET', path: '/permissions', summary: 'Every permission', output: list }],
    })
    .query(() => permissions.map((permission) => ({ name: permission }))),

  mine: member
    .meta({
      permission: 'member',
      rest: [{ method: 'GET', path: '/user-roles/my_roles', summary: 'Your role', output: list }],
    })
    .query(({ ctx: { member: me } }) => [
      { id: me.roleId, slug: me.roleSlug, access: me.access, organizationId: me.organizationId },
    ]),

  create: allowed('roles.manage')
    .meta({
      permission: 'roles.manage',
      rest: [{ method: 'POST', path: '/roles', summary: 'Make a role' }],
    })
    .input(
      z.strictObject({
        id: z._default(field.id, newId),
        name,
        description: z._default(description, ''),
        access: z._default(access, {}),
      }),
    )
    .mutation(({ ctx, input }) =>
      change(ctx, 'roles.create', input, async (tx) => {
        const { organizationId, memberId } = ctx.member;
        const slug = `${slugOf(input.name)}-${input.id.slice(-6)}`;
        requireGrantable(ctx.member, { slug, access: input.access });
        await tx
          .insertInto('roles')
          .values({
            ...input,
            slug,
            organizationId,
            access: JSON.stringify(input.access),
            createdBy: memberId,
          })
          .execute();
        return getRole(tx, ctx.member, input.id);
      }),
    ),

  update: allowed('roles.manage')
    .input(
      z.strictObject({
        id: field.id,
        name: z.optional(name),
        description: z.optional(description),
        access: z.optional(access),
      }),
    )
    .mutation(({ ctx, input: { id, ...fields } }) =>
      change(ctx, 'roles.update', { id, ...fields }, async (tx) => {
        const role = await changeableRole(tx, ctx.member, id);
        if (fields.access) requireGrantable(ctx.member, { ...role, access: fields.access });
        return writeRole(tx, ctx.member, id, fields);
      }),
    ),

  /** One cell of the table of rights. */
  assignPermission: allowed('roles.manage')
    .meta({
      permission: 'roles.manage',
      rest: [
        {
          method: 'POST',
          path: '/roles/{id}/assign_permission',
          summary: 'Set the level of one permission',
          status: 200,
        },
      ],
    })
    .input(
      z.strictObject({
        id: field.id,
        permission: z.enum(permissions),
        level: z._default(level, 'all'),
      }),
    )
    .mutation(({ ctx, input }) =>
      change(ctx, 'roles.assignPermission', input, async (tx) => {
        const role = await changeableRole(tx, ctx.member, input.id);
        const [resource = '', action = ''] = input.permission.split('.');
        const old: Access = role.access;
        const given = { ...old[resource], [action]: input.level };
        const wanted = { ...old, [resource]: given };
        requireGrantable(ctx.member, { ...role, access: wanted });
        return writeRole(tx, ctx.member, input.id, { access: wanted });
      }),
    ),

  remove: allowed('roles.manage')
    .input(z.strictObject({ id: field.id }))
    .mutation(({ ctx, input }) =>
      change(ctx, 'roles.remove', input, async (tx) => {
        const role = await changeableRole(tx, ctx.member, input.id);
        const { organizationId } = ctx.member;
        const holder = await tx
          .selectFrom('members')
          .select('id')
          .where('organizationId', '=', organizationId)
          .where('roleId', '=', input.id)
          .limit(1)
          .executeTakeFirst();
        if (role.isBuiltIn) throw new AppError('CONFLICT', { reason: 'builtInRole' });
        if (holder) throw new AppError('CONFLICT', { reason: 'roleInUse' });
        await tx
          .deleteFrom('roles')
          .where('organizationId', '=', organizationId)
          .where('id', '=', input.id)
          .execute();
        return role;
      }),
    ),
});

function namesOf(value: Access): string[] {
  return Object.entries(value).flatMap(([resource, actions = {}]) =>
    Object.keys(actions).map((action) => `${resource}.${action}`),
  );
}

function isPermission(name: string): boolean {
  return permissions.some((permission) => permission === name);
}

/** A role that the caller may change: not the administrators', and not one above the caller's. */
async function changeableRole(tx: Tx, me: Member, id: string) {
  const role = await rolesOf(tx, me)
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirstOrThrow(notFound);
  if (isAdministration(role.slug)) throw new AppError('CONFLICT', { reason: 'fixedRole' });
  requireGrantable(me, role);
  return { ...role, access: role.access as Access };
}

async function writeRole(
  tx: Tx,
  me: Member,
  id: string,
  { access: rights, ...fields }: { name?: string; description?: string; access?: Access },
) {
  const set = { ...fields, ...(rights ? { access: JSON.stringify(rights) } : {}) };
  if (Object.keys(set).length > 0) {
    await tx
      .updateTable('roles')
      .set(set)
      .where('organizationId', '=', me.organizationId)
      .where('id', '=', id)
      .execute();
  }
  return getRole(tx, me, id);
}

function rolesOf(tx: Tx, { organizationId }: Member) {
  return tx
    .selectFrom('roles')
    .select(['id', 'slug', 'name', 'description', 'isBuiltIn', 'access', 'rev'])
    .where('organizationId', '=', organizationId);
}

function getRole(tx: Tx, me: Member, id: string) {
  return rolesOf(tx, me).where('id', '=', id).executeTakeFirstOrThrow(notFound);
}
