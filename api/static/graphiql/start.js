const first = `# Movies like Alien, and why they are close to each other.
# For your own recommendations put a token into Headers (below):
#   {"Authorization": "Bearer …"}      cinegraph token USER makes one
{
  search(query: "alien", kinds: [MOVIE], first: 3) {
    nodes {
      ... on Movie {
        id
        title
        year
        directors { nodes { name } }
        similar(first: 3) { edges { score node { id title } } }
      }
    }
  }
}
`;
const fetcher = GraphiQL.createFetcher({ url: '/graphql' });
ReactDOM.createRoot(document.getElementById('graphiql')).render(
  React.createElement(GraphiQL, {
    fetcher,
    defaultQuery: first,
    defaultEditorToolsVisibility: 'headers',
    isHeadersEditorEnabled: true,
    shouldPersistHeaders: true,
  }),
);
