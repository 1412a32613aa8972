/** The codes of the server's errors (`ErrorCode` of the schema), and NETWORK: no answer of the server arrived. */
export type StudychatErrorCode =
  | 'UNAUTHENTICATED' | 'FORBIDDEN' | 'NOT_FOUND' | 'BAD_USER_INPUT' | 'CONFLICT' | 'RATE_LIMITED' | 'QUERY_TOO_COMPLEX'
  | 'PERSISTED_QUERY_NOT_FOUND' | 'GRAPHQL_PARSE_FAILED' | 'GRAPHQL_VALIDATION_FAILED' | 'UNAVAILABLE' | 'INTERNAL' | 'NETWORK'

/** Why an operation failed. */
export class StudychatError extends Error {
  override readonly name = 'StudychatError'
  constructor(
    readonly code: StudychatErrorCode,
    message: string,
    /** The argument that is wrong, where the server knows it. */
    readonly field: string | null = null,
    /** For how long to wait before the call may pass. */
    readonly retryAfterMs: number | null = null,
    /** Names the fault in the server's log. */
    readonly requestId: string | null = null,
  ) {
    super(message)
  }

  /** Whether the same call may pass later without a change: the outbox keeps what failed so, and sends it again. */
  get passing(): boolean {
    return PASSING.has(this.code)
  }
}

const PASSING: ReadonlySet<StudychatErrorCode> = new Set(['NETWORK', 'UNAVAILABLE', 'UNAUTHENTICATED', 'RATE_LIMITED'])

interface GraphQLError { message: string; extensions?: { code?: string; field?: string; retryAfterMs?: number; requestId?: string } }

/** Turns the first of GraphQL's errors into ours. */
export function fromGraphQL(errors: readonly GraphQLError[]): StudychatError {
  const { message, extensions = {} } = errors[0] ?? { message: 'unknown' }
  return new StudychatError((extensions.code ?? 'INTERNAL') as StudychatErrorCode, message,
    extensions.field ?? null, extensions.retryAfterMs ?? null, extensions.requestId ?? null)
}

/** Turns whatever was thrown into a StudychatError. */
export function asError(error: unknown): StudychatError {
  return error instanceof StudychatError ? error : new StudychatError('NETWORK', error instanceof Error ? error.message : String(error))
}
