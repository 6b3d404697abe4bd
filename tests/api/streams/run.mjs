// A subscription by each of the two client libraries, with a rating between its two events; one JSON line for each.
import { createClient as createSse } from 'graphql-sse';
import { createClient as createWs } from 'graphql-ws';

const [http, token] = process.argv.slice(2);
const query = 'subscription { recommendationsChanged(first: 2) { edges { node { id } } } }';
const headers = { Authorization: `Bearer ${token}` };

async function rate(movie) {
  const body = JSON.stringify({ query: `mutation { rateMovie(movie: "${movie}", rating: 5.0) { __typename } }` });
  await fetch(http, { method: 'POST', headers: { ...headers, 'Content-Type': 'application/json' }, body });
}

async function watch(name, client, movie) {
  const events = [];
  for await (const event of client.iterate({ query })) {
    events.push(event.data.recommendationsChanged.edges.map((edge) => edge.node.id));
    if (events.length === 1) await rate(movie);
    if (events.length === 2) break;
  }
  await client.dispose();
  console.log(JSON.stringify({ name, events }));
}

await watch('graphql-ws', createWs({ url: http.replace('http', 'ws'), connectionParams: headers }), '2');
await watch('graphql-sse', createSse({ url: http, headers }), '1');
process.exit(0);
