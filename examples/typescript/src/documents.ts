// What is asked. `npm run generate` makes the types from the schema: of the variables, and of each part of an answer.
import { graphql } from './gql/index.js';
import type { RateMutation, WatchQuery } from './gql/graphql.js';

export const Watch = graphql(`
  query Watch($liked: [ID!], $after: String) {
    recommendations(first: 2, liked: $liked, after: $after) {
      edges { node { title } why(first: 1) { sentence } }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

export const Rate = graphql(`
  mutation Rate($movie: ID!, $rating: Float!) {
    rateMovie(movie: $movie, rating: $rating) {
      __typename
      ... on Rated { rating movie { title } }
      ... on MovieNotFound { message }
      ... on InvalidValue { message }
      ... on NotSignedIn { message }
    }
  }
`);

export const Changed = graphql(`
  subscription Changed {
    recommendationsChanged(first: 2) { edges { node { id title } } }
  }
`);

export type Page = NonNullable<WatchQuery['recommendations']>;

export function lines(page: Page): string[] {
  return page.edges.map(({ node, why }) => `${node.title}: ${why[0]?.sentence ?? 'no reason found'}`);
}

// An outcome that the schema has and this does not is an error of the compiler.
export function outcome(rated: RateMutation['rateMovie']): string {
  switch (rated?.__typename) {
    case 'Rated': return `${rated.movie.title}: ${rated.rating} stars`;
    case 'MovieNotFound': case 'InvalidValue': case 'NotSignedIn': return rated.message;
    case undefined: return 'failed';
  }
}
