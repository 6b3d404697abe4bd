import type { CodegenConfig } from '@graphql-codegen/cli';

const config: CodegenConfig = {
  schema: '../../schema.graphql',
  documents: 'src/*.ts',
  importExtension: '.js',
  generates: { 'src/gql/': { preset: 'client', presetConfig: { fragmentMasking: false } } },
  config: { scalars: { DateTime: 'string', JSON: 'string' } },
};

export default config;
