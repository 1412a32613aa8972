import type { Core } from './core.js'
import * as ops from './generated.js'
import type { ChatInput } from './rules.js'

/** What the owner of a chat does with its people: at once, since the answer matters. The open chat takes the answers. */
export function chatPeople(core: Core, chatId: string, take: (input: ChatInput) => void) {
  return {
    async add(userId: string, invite: boolean): Promise<void> {
      const { addMember } = await core.request(ops.AddMember, { input: { chatId, userId, invite } })
      take({ type: 'member', member: addMember!.member })
      core.tellChat(addMember!.chat)
    },
    async remove(userId: string): Promise<void> {
      const { removeMember } = await core.request(ops.RemoveMember, { input: { chatId, userId } })
      take({ type: 'memberGone', userId: removeMember!.removedUser.id })
      core.tellChat(removeMember!.chat)
    },
    async transfer(userId: string): Promise<void> {
      const { transferChat } = await core.request(ops.TransferChat, { input: { chatId, userId } })
      take({ type: 'transferred', chat: transferChat!.chat, userId })
      core.tellChat(transferChat!.chat)
    },
  }
}
