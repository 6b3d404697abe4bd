const first = `# Movies like Alien, and why they are close to each other.
# For your own recommendations put a token into Headers (below):
#   {"Authorization": "Bearer …"}      cinegraph token USER makes one
# Subscriptions run here too:
#   subscription { recommendationsChanged(first: 3) { edges { node { title } } } }
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
const socket = new URL('/graphql', window.location.href);
socket.protocol = socket.protocol.replace('http', 'ws');
const fetcher = GraphiQL.createFetcher({ url: '/graphql', subscriptionUrl: socket.href });
ReactDOM.createRoot(document.getElementById('graphiql')).render(
  React.createElement(GraphiQL, {
    fetcher,
    defaultQuery: first,
    defaultEditorToolsVisibility: 'headers',
    isHeadersEditorEnabled: true,
    shouldPersistHeaders: true,
  }),
);
