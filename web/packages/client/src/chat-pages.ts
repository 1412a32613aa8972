import type { Core } from './core.js'
import * as ops from './generated.js'
import type { Entry } from './rules.js'

/** How many messages a page has. */
export const PAGE = 50

/** Which messages to read: beside the window, around one, or the newest. */
export type Where = 'older' | 'newer' | 'around' | 'latest'

/** Reads messages of a chat. `seq` is that of the chat in the same answer. */
export async function readPage(core: Core, id: string, where: Where, window: readonly Entry[], around?: string) {
  const { chat } = await core.request(ops.MessagesPage, {
    id,
    ...(where === 'older' && { last: PAGE, before: window[0]?.cursor }),
    ...(where === 'newer' && { first: PAGE, after: window.at(-1)?.cursor }),
    ...(where === 'around' && { first: PAGE, around }),
    ...(where === 'latest' && { last: PAGE }),
  })
  return { page: chat!.messages, seq: chat!.seq }
}
