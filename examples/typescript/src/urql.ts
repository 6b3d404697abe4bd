// Recommendations page by page, ratings, and a subscription, by urql: node build/urql.js URL MOVIE [TOKEN]
import { cacheExchange, Client, fetchExchange, subscriptionExchange, type OperationResult } from '@urql/core';
import { createClient } from 'graphql-ws';
import { Changed, lines, outcome, type Page, Rate, Watch } from './documents.js';
import { fault, noteDegraded, patiently, say } from './faults.js';

const [url, movie, token] = process.argv.slice(2) as [string, string, string?];
const headers: Record<string, string> = token ? { Authorization: `Bearer ${token}` } : {};
const socket = createClient({ url: url.replace('http', 'ws'), connectionParams: headers });
const client = new Client({
  url,
  preferGetMethod: false,
  fetchOptions: { headers },
  exchanges: [
    cacheExchange,
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: (operation) => ({
        subscribe: (sink) => ({
          unsubscribe: socket.subscribe({ ...operation, query: operation.query ?? '' }, sink),
        }),
      }),
    }),
  ],
});

function data<T>({ data, error, extensions }: OperationResult<T>): T {
  noteDegraded(extensions);
  if (error || !data) throw fault(error?.graphQLErrors ?? []);
  return data;
}

async function* pages(): AsyncGenerator<Page> {
  for (let after: string | null = null; ; ) {
    const ask = async () => data(await client.query(Watch, { liked: [movie], after }));
    const page: Page | null = (await patiently(ask)).recommendations;
    if (page) yield page;
    if (!page?.pageInfo.hasNextPage) return;
    after = page.pageInfo.endCursor;
  }
}

async function rate(movie: string, rating: number): Promise<string> {
  const ask = async () => data(await client.mutation(Rate, { movie, rating }));
  return outcome((await patiently(ask)).rateMovie);
}

// The list as it is, and as it is after the first of it was rated.
function follow(): Promise<void> {
  return new Promise((resolve, reject) => {
    let events = 0;
    const { unsubscribe } = client.subscription(Changed, {}).subscribe((result) => {
      if (result.error) return reject(fault(result.error.graphQLErrors));
      const edges = result.data?.recommendationsChanged.edges ?? [];
      say({ now: edges.map(({ node }) => node.title) });
      if (++events === 1) rate(edges[0]!.node.id, 5).catch(reject);
      else resolve(unsubscribe());
    });
  });
}

for await (const page of pages()) say({ page: lines(page) });
say({ rated: await rate(movie, 7) });
say({ rated: await rate('no-such-movie', 4.5) });
say({ rated: await rate(movie, 4.5) });
if (token) await follow();
await socket.dispose();
