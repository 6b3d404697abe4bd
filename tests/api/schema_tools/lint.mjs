// Lints a schema with @graphql-eslint's rules for schemas and for Relay; prints one JSON line for each finding.
import graphql from '@graphql-eslint/eslint-plugin';
import { ESLint } from 'eslint';

const path = process.argv[2];
const { configs, rules, parser } = graphql;
const eslint = new ESLint({
  overrideConfigFile: true,
  overrideConfig: [
    {
      files: ['**/*.graphql'],
      languageOptions: { parser, parserOptions: { graphQLConfig: { schema: path } } },
      plugins: { '@graphql-eslint': { rules } },
      rules: {
        ...configs['flat/schema-recommended'].rules,
        ...configs['flat/schema-relay'].rules,
        '@graphql-eslint/require-description': [
          'error',
          { types: true, FieldDefinition: true, InputValueDefinition: true, EnumValueDefinition: true },
        ],
        // Pages lead forward alone, which Relay allows.
        '@graphql-eslint/relay-arguments': ['error', { includeBoth: false }],
        // Beside `edges` a page has `nodes`, and other lists are no pages. What has no id of its own (a path, what a search
        // finds) can be at the end of an edge.
        '@graphql-eslint/relay-edge-types': [
          'error',
          { withEdgeSuffix: true, shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false },
        ],
        // An id is for what `node(id:)` finds again; pages, edges, segments and outcomes are values.
        '@graphql-eslint/strict-id-in-types': 'off',
      },
    },
  ],
});

for (const { messages } of await eslint.lintFiles([path])) {
  for (const { line, ruleId, message } of messages) console.log(JSON.stringify({ line, ruleId, message }));
}
