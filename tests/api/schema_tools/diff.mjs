// Compares two schemas by graphql-inspector; prints one JSON line for each change: how grave, of what, and what it is.
import { readFileSync } from 'node:fs';
import { diff } from '@graphql-inspector/core';
import { buildSchema } from 'graphql';

const [before, after] = process.argv.slice(2).map((path) => buildSchema(readFileSync(path, 'utf8')));
for (const { criticality, path, message } of await diff(before, after)) {
  console.log(JSON.stringify({ level: criticality.level, path: path ?? '', message }));
}
