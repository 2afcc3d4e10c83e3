import { connectAsOwner } from '#db/connect.ts';

/** Refreshes the statistics of the tables that an import fills; `url` is the login of the migrations. */
export async function analyze(url: string): Promise<void> {
  const { pool, close } = connectAsOwner({ url, max: 1, name: 'import' });
  try {
    await pool.query(`set role syncline_owner; analyze crm.customers, crm.members, crm.products,
      crm.stages, crm.deals, crm.deal_products`);
  } finally {
    await close();
  }
}
