/** The client of studychat, without a user interface library. Hooks for React are in `@studychat/client/react`. */
export { createStudychat } from './client.js'
export { StudychatError, type StudychatErrorCode } from './errors.js'
export type * from './types.js'
export type { Document, MemberRole, MessageRole, StreamResetReason } from './generated.js'
