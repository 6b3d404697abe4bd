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

// Of the first error, and of the head of the answer where it was refused as a whole (429, 503).
export function fault(errors: readonly Told[], headers?: Headers): Fault {
  const first = errors[0] ?? { message: 'the server does not answer' };
  const seconds = headers?.get('retry-after');
  return new Fault(String(first.extensions?.code ?? 'NETWORK'), first.message, seconds ? Number(seconds) : null);
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
