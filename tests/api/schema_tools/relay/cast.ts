// What a frontend with Relay writes: a page that shows a fragment, more of its connection, a mutation, a subscription.
import { graphql } from 'react-relay';

export const page = graphql`
  query castPageQuery($id: ID!) {
    node(id: $id) { ...cast_movie }
    search(query: "alien", first: 3) { nodes { __typename ... on Movie { title } ... on Person { name } } }
  }
`;

export const cast = graphql`
  fragment cast_movie on Movie
  @argumentDefinitions(count: { type: "Int", defaultValue: 1 }, cursor: { type: "String" })
  @refetchable(queryName: "castMoreQuery") {
    title
    cast(first: $count, after: $cursor) @connection(key: "cast_movie_cast") {
      edges { character node { name } }
    }
  }
`;

export const rate = graphql`
  mutation castRateMutation($movie: ID!, $rating: Float!) {
    rateMovie(movie: $movie, rating: $rating) {
      __typename
      ... on Rated { rating movie { ...cast_movie } }
      ... on InvalidValue { message }
    }
  }
`;

export const changes = graphql`
  subscription castChangesSubscription($id: ID!) { movieChanged(id: $id) { ...cast_movie } }
`;
