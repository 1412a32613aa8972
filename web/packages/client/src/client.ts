import type { Studychat, StudychatOptions } from './types.js'

/** Creates a client for one user. It connects when something is watched. */
export function createStudychat(options: StudychatOptions): Studychat {
  throw new Error(`not yet: ${options.url}`)
}
