// Composes two subgraphs with Apollo's library, plans an operation over both, and prints what came of it as JSON:
// the errors of composition, or the hints, the entities, and each fetch of the plan.
import { readFileSync } from 'node:fs';
import { composeServices } from '@apollo/composition';
import { Supergraph, operationFromDocument } from '@apollo/federation-internals';
import { QueryPlanner } from '@apollo/query-planner';
import { parse } from 'graphql';

const [catalogue, reviews, query] = process.argv.slice(2).map((path) => readFileSync(path, 'utf8'));
const composed = composeServices([
  { name: 'catalogue', url: 'http://catalogue/graphql', typeDefs: parse(catalogue) },
  { name: 'reviews', url: 'http://reviews/graphql', typeDefs: parse(reviews) },
]);

function fetches(node) {
  if (!node) return [];
  if (node.kind === 'Fetch') {
    return [{ subgraph: node.serviceName, operation: node.operation, requires: node.requires ?? null }];
  }
  return [...(node.node ? fetches(node.node) : []), ...(node.nodes ?? []).flatMap(fetches)];
}

if (composed.errors) {
  console.log(JSON.stringify({ errors: composed.errors.map((one) => one.message) }));
} else {
  const supergraph = Supergraph.build(composed.supergraphSdl);
  const plan = new QueryPlanner(supergraph).buildQueryPlan(operationFromDocument(supergraph.apiSchema(), parse(query)));
  console.log(JSON.stringify({ errors: [], hints: composed.hints.map((one) => one.toString()), fetches: fetches(plan.node) }));
}
