// The scripts of the page as a server sends them, in their order, without a browser: React draws nothing, and what
// GraphiQL would draw with is asked for a query and for the first event of a subscription. One JSON line for each.
import vm from 'node:vm';

const [home, token] = process.argv.slice(2);

// Whatever a script looks at of a document while it is loaded.
const nothing = new Proxy(function () {}, {
  get: (_, name) => (name === Symbol.toPrimitive ? () => '' : name === Symbol.iterator ? [][Symbol.iterator] : nothing),
  set: () => true,
  apply: () => nothing,
  construct: () => nothing,
});
let drawn;
const page = {
  document: nothing, navigator: { userAgent: '', platform: '' }, location: new URL(home), console,
  setTimeout, clearTimeout, queueMicrotask, performance, URL, WebSocket, AbortController, TextDecoder,
  fetch: (path, how) => fetch(new URL(path, home), how),
};
page.window = page.self = page.globalThis = vm.createContext(page);

const html = await (await fetch(home)).text();
for (const [, path] of html.matchAll(/<script src="([^"]+)"/g)) {
  if (path.includes('react-dom')) page.ReactDOM = { createRoot: () => ({ render: (element) => (drawn = element) }) };
  else vm.runInContext(await (await fetch(new URL(path, home))).text(), page, { filename: path });
}

async function first(query) {
  const beside = { headers: { Authorization: `Bearer ${token}` }, documentAST: page.GraphiQL.GraphQL.parse(query) };
  for await (const answer of await drawn.props.fetcher({ query }, beside)) return answer;
}

console.log(JSON.stringify(await first('{ me { id } }')));
console.log(JSON.stringify(await first('subscription { recommendationsChanged(first: 2) { nodes { id } } }')));
