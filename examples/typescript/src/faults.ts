// What may stand beside the data: an error with its code, how long to wait, and that an answer is not whole.

export class Fault extends Error {
  constructor(readonly code: string, message: string, readonly retryAfter: number | null) {
    super(`${code}: ${message}`);
  }
}

export interface Told {
  message: string;
  extensions?: Record<string, unknown> | undefined;
}

// The errors of a body; none where something between answered in the server's place.
export function errorsOf(body: string): Told[] {
  try {
    return JSON.parse(body).errors ?? [];
  } catch {
    return [];
  }
}

// Of the first error; seconds to wait are there where the same may work after them.
export function fault(errors: readonly Told[]): Fault {
  const { message, extensions } = errors[0] ?? { message: 'the server does not answer' };
  const seconds = extensions?.retryAfter as number | undefined;
  return new Fault(String(extensions?.code ?? 'NETWORK'), message, seconds ?? null);
}

// Once more where the server says when.
export async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (found) {
    if (!(found instanceof Fault) || found.retryAfter === null) throw found;
    say({ code: found.code, again: found.retryAfter });
    await new Promise((resolve) => setTimeout(resolve, 1000 * found.retryAfter!));
    return await ask();
  }
}

// Without the graph or the model an answer comes from memory: right, but perhaps not the newest.
export function noteDegraded(extensions?: Record<string, unknown>): void {
  const degraded = extensions?.degraded as { without: string[] } | undefined;
  if (degraded) say({ without: degraded.without });
}

export function say(line: unknown): void {
  console.log(JSON.stringify(line));
}
