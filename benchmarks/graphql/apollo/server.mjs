// Apollo Server over @neo4j/graphql, on 127.0.0.1. NEO4J_URI, NEO4J_USER, NEO4J_PASSWORD and NEO4J_DATABASE say where
// the graph is, PORT where to listen (0: a free one); the line 'GraphQL: URL' says that it answers.
import { readFile } from 'node:fs/promises';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { Neo4jGraphQL } from '@neo4j/graphql';
import neo4j from 'neo4j-driver';

const { NEO4J_URI, NEO4J_USER, NEO4J_PASSWORD, NEO4J_DATABASE, PORT } = process.env;
const driver = neo4j.driver(NEO4J_URI, neo4j.auth.basic(NEO4J_USER, NEO4J_PASSWORD));
const typeDefs = await readFile(new URL('schema.graphql', import.meta.url), 'utf8');
const schema = await new Neo4jGraphQL({ typeDefs, driver }).getSchema();
const server = new ApolloServer({ schema, introspection: false });
const { url } = await startStandaloneServer(server, {
  listen: { host: '127.0.0.1', port: Number(PORT) },
  context: async () => ({ sessionConfig: { database: NEO4J_DATABASE } }),
});
console.log(`GraphQL: ${url}`);

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await server.stop();
    await driver.close();
  });
}
