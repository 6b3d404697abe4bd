// Recommendations page by page, ratings, and a subscription, by Apollo Client: node build/apollo.js URL MOVIE [TOKEN]
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { CombinedGraphQLErrors, ServerError } from '@apollo/client/errors';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';
import { createClient } from 'graphql-ws';
import { tap } from 'rxjs';
import { Changed, lines, outcome, type Page, Rate, Watch } from './documents.js';
import { errorsOf, type Fault, fault, noteDegraded, patiently, say } from './faults.js';

const [url, movie, token] = process.argv.slice(2) as [string, string, string?];
const headers: Record<string, string> = token ? { Authorization: `Bearer ${token}` } : {};
const socket = createClient({ url: url.replace('http', 'ws'), connectionParams: headers });
const noting = new ApolloLink((operation, forward) =>
  forward(operation).pipe(tap(({ extensions }) => noteDegraded(extensions))),
);
const client = new ApolloClient({
  cache: new InMemoryCache(),
  link: noting.concat(
    ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      new GraphQLWsLink(socket),
      new HttpLink({ uri: url, headers }),
    ),
  ),
});

function faultOf(error: unknown): Fault {
  if (CombinedGraphQLErrors.is(error)) return fault(error.errors);
  if (ServerError.is(error)) return fault(errorsOf(error.bodyText));
  return fault([]);
}

async function data<T>(asked: Promise<{ data?: T }>): Promise<T> {
  const { data } = await asked.catch((error) => Promise.reject(faultOf(error)));
  return data!; // an error would have been thrown
}

async function* pages(): AsyncGenerator<Page> {
  for (let after: string | null = null; ; ) {
    const ask = () => data(client.query({ query: Watch, variables: { liked: [movie], after } }));
    const page: Page | null = (await patiently(ask)).recommendations;
    if (page) yield page;
    if (!page?.pageInfo.hasNextPage) return;
    after = page.pageInfo.endCursor;
  }
}

async function rate(movie: string, rating: number): Promise<string> {
  const ask = () => data(client.mutate({ mutation: Rate, variables: { movie, rating } }));
  return outcome((await patiently(ask)).rateMovie);
}

// The list as it is, and as it is after the first of it was rated.
function follow(): Promise<void> {
  return new Promise((resolve, reject) => {
    let events = 0;
    const subscription = client.subscribe({ query: Changed }).subscribe(({ data, error }) => {
      if (error) return reject(faultOf(error));
      const edges = data?.recommendationsChanged.edges ?? [];
      say({ now: edges.map(({ node }) => node.title) });
      if (++events === 1) rate(edges[0]!.node.id, 5).catch(reject);
      else resolve(subscription.unsubscribe());
    });
  });
}

for await (const page of pages()) say({ page: lines(page) });
say({ rated: await rate(movie, 7) });
say({ rated: await rate('no-such-movie', 4.5) });
say({ rated: await rate(movie, 4.5) });
if (token) await follow();
await socket.dispose();
