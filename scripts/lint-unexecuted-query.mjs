/**
 * A Kysely query that is a statement of its own, or is awaited without `.execute()`, does nothing and
 * says nothing. No type checker minds, because a builder is not a promise.
 * @type {import('eslint').Rule.RuleModule}
 */
export default {
  meta: {
    type: 'problem',
    messages: { unexecuted: 'This query is never executed.' },
    schema: [],
  },
  create(context) {
    const { getTypeAtLocation } = context.sourceCode.parserServices;
    /** @param {Parameters<NonNullable<import('eslint').Rule.RuleListener['AwaitExpression']>>[0]['argument']} node */
    const check = (node) => {
      const type = getTypeAtLocation(node);
      const name = (type.aliasSymbol ?? type.getSymbol())?.name ?? '';
      if (/^(\w+QueryBuilder|RawBuilder)$/.test(name)) {
        context.report({ node, messageId: 'unexecuted' });
      }
    };
    return {
      ExpressionStatement: ({ expression }) => check(expression),
      AwaitExpression: ({ argument }) => check(argument),
    };
  },
};
