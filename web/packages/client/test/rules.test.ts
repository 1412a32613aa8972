// The rules keep their promises in any order of answers and events: a server is modelled, its events and answers are shuffled,
// repeated and held back, and what the reducers make of them is compared with what the server has.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ChatFieldsFragment, MessageFieldsFragment } from '../src/generated.js'
import {
  applyChats, applyFeedEvent, byLatestMessage, chatReducer, createIsNew, emptyChat, emptyList, mustReload, newerChat, newerMessage, removeChats,
  type ChatEvent, type ChatState, type Entry, type ListState, type Page,
} from '../src/rules.js'

const user = (id: string) => ({ id, name: id, avatarUrl: null })
const at = (n: number) => `2026-01-01T00:00:00.${String(n).padStart(6, '0')}Z`
const range = (n: number) => Array.from({ length: n }, (_, i) => i)

/** A chat as the server has it: its log, and what any point of it looked like. */
class Model {
  readonly events: ChatEvent[] = []
  readonly messages: MessageFieldsFragment[] = []
  title = 'chat'
  seq = 1
  lastMessageAt = at(0)

  private event<E extends object>(fields: E): void {
    this.events.push({ cursor: `c${this.seq}`, at: at(this.seq), eventId: `e${this.seq}`, chatId: 'chat', seq: this.seq, actor: user('ann'), chat: this.head(), ...fields } as unknown as ChatEvent)
  }

  head(): ChatFieldsFragment {
    return {
      id: 'chat', seq: this.seq, title: this.title, createdAt: at(0), lastMessageAt: this.lastMessageAt, moduleId: null, module: null, createdBy: user('ann'),
      lastMessage: this.messages.at(-1) ?? null,
      viewerState: { id: 'state:chat', role: 'MEMBER', readSeq: 0, unreadCount: this.messages.length, mutedUntil: null, pinnedAt: null, archivedAt: null },
    }
  }

  send(): void {
    this.seq++
    const message: MessageFieldsFragment = {
      id: `m${this.seq}`, chatId: 'chat', seq: this.seq, role: 'USER', content: `message ${this.seq}`, createdAt: at(this.seq), editedAt: null, deletedAt: null, author: user('ann'), replyTo: null,
    }
    this.messages.push(message)
    this.lastMessageAt = message.createdAt
    this.event({ __typename: 'MessageSent', messageEdge: { cursor: `p${this.seq}`, node: message } })
  }

  edit(which: number): void {
    if (this.messages.length === 0) return this.send()
    const i = which % this.messages.length
    if (this.messages[i]!.deletedAt) return
    this.seq++
    this.messages[i] = { ...this.messages[i]!, content: `edited ${this.seq}`, editedAt: at(this.seq) }
    this.event({ __typename: 'MessageEdited', message: this.messages[i] })
  }

  remove(which: number): void {
    if (this.messages.length === 0) return this.send()
    const i = which % this.messages.length
    if (this.messages[i]!.deletedAt) return
    this.seq++
    this.messages[i] = { ...this.messages[i]!, content: '', deletedAt: at(this.seq) }
    this.event({ __typename: 'MessageDeleted', message: this.messages[i] })
  }

  rename(): void {
    this.seq++
    this.title = `title ${this.seq}`
    this.event({ __typename: 'ChatRenamed', title: this.title })
  }

  page(from: number, to: number): Page {
    const edges = this.messages.slice(Math.max(0, from), to).map(node => ({ cursor: `p${node.seq}`, node }))
    return { edges, pageInfo: { hasPreviousPage: from > 0, hasNextPage: to < this.messages.length } }
  }

  open() {
    return { type: 'open' as const, chat: this.head(), members: [], online: [], page: this.page(this.messages.length - 50, this.messages.length) }
  }
}

type Act = { readonly kind: 'send' | 'edit' | 'remove' | 'rename'; readonly which: number }
const act: fc.Arbitrary<Act> = fc.record({ kind: fc.constantFrom('send', 'send', 'send', 'edit', 'remove', 'rename'), which: fc.nat(1000) })
const run = (model: Model, { kind, which }: Act) => (kind === 'edit' ? model.edit(which) : kind === 'remove' ? model.remove(which) : model[kind]())
const shown = (state: ChatState) => state.entries.map(e => e.node)

describe('an open chat', () => {
  test('an answer and the events after it give what the server has, whatever is repeated or overtaken', () => {
    fc.assert(fc.property(fc.array(act, { maxLength: 30 }), fc.array(act, { maxLength: 30 }), fc.array(fc.nat(1000), { maxLength: 20 }), (before, after, disorder) => {
      const model = new Model()
      for (const a of before) run(model, a)
      const opened = model.open()
      // Answers of different moments, which arrive late: pages, and messages that were sent or changed.
      const answers: [ChatState | null, Page, number][] = []
      const from = model.events.length
      for (const a of after) {
        run(model, a)
        answers.push([null, model.page(0, model.messages.length), model.seq])
      }
      let state = chatReducer(emptyChat, opened)
      model.events.slice(from).forEach((event, i) => {
        state = chatReducer(state, { type: 'event', event })
        const pick = disorder[i % Math.max(1, disorder.length)] ?? 0
        const late = answers[pick % answers.length]!
        if (pick % 3 === 0 && late[2] <= model.seq) {
          const entry = late[1].edges[pick % Math.max(1, late[1].edges.length)]
          if (entry) state = chatReducer(state, { type: pick % 2 ? 'sent' : 'changed', entry, message: entry.node } as never)
        }
        if (pick % 5 === 0) state = chatReducer(state, { type: 'event', event: model.events[pick % model.events.length]! }) // again
      })
      expect(shown(state)).toEqual(model.messages.slice(-shown(state).length))
      expect(shown(state).length).toBeGreaterThanOrEqual(Math.min(50, model.messages.length))
      expect(state.chat?.title).toBe(model.title)
    }), { numRuns: 300 })
  })

  test('a window of any size, moved at will while messages come, has no gap, is bounded, and ends at the newest', () => {
    const move = fc.record({ kind: fc.constantFrom('send', 'send', 'send', 'edit', 'older', 'newer', 'around', 'latest', 'atLatest'), which: fc.nat(1000), held: fc.nat(6) })
    fc.assert(fc.property(fc.integer({ min: 0, max: 200 }), fc.array(move, { maxLength: 60 }), (many, moves) => {
      const size = 20, model = new Model()
      for (const _ of range(many)) model.send()
      let state = chatReducer(emptyChat, model.open(), size)
      // An answer is held back while so many moves happen.
      let pending: { due: number; where: 'older' | 'newer' | 'around' | 'latest'; page: Page; seq: number; first: string | undefined; last: string | undefined } | null = null
      const arrive = () => {
        if (!pending) return
        const { where, page, seq, first, last } = pending
        pending = null
        // Chat.page asks for one page beside the window at a time; the end it was asked for may have been cut meanwhile.
        if (where === 'older' && first !== state.entries[0]?.node.id) return
        if (where === 'newer' && last !== state.entries.at(-1)?.node.id) return
        state = chatReducer(state, { type: 'page', where, page, seq }, size)
      }
      moves.forEach(({ kind, which, held }, i) => {
        if (pending && pending.due <= i) arrive()
        if (kind === 'send' || kind === 'edit') {
          const n = model.events.length
          run(model, { kind, which })
          for (const event of model.events.slice(n)) state = chatReducer(state, { type: 'event', event }, size)
        } else if (kind === 'atLatest') state = chatReducer(state, { type: 'atLatest' }, size)
        else if (!pending) {
          const index = (id: string | undefined) => model.messages.findIndex(m => m.id === id)
          const first = state.entries[0]?.node.id, last = state.entries.at(-1)?.node.id, all = model.messages.length
          const [from, to] = kind === 'older' ? [index(first) - 10, index(first)] : kind === 'newer' ? [index(last) + 1, Math.min(all, index(last) + 11)]
            : kind === 'around' ? [Math.max(0, which % (all + 1) - 5), Math.min(all, which % (all + 1) + 5)] : [all - 10, all]
          if ((kind === 'older' && !state.hasOlder) || (kind === 'newer' && !state.hasNewer)) return
          pending = { due: i + held, where: kind, page: model.page(from, to), seq: model.seq, first, last }
        }
        const seqs = shown(state).map(m => m.seq)
        expect(seqs).toEqual([...seqs].sort((a, b) => a - b))
        expect(seqs.length).toBeLessThanOrEqual(size + 60)
        expect(state.aside.length).toBeLessThanOrEqual(size)
        const at = model.messages.findIndex(m => m.seq === seqs[0])
        if (seqs.length) expect(shown(state)).toEqual(model.messages.slice(at, at + seqs.length))
        if (!state.hasNewer) expect(seqs.at(-1) ?? 0).toBe(model.messages.at(-1)?.seq ?? 0)
        if (!state.hasOlder) expect(Math.max(0, at)).toBe(0)
      })
    }), { numRuns: 300, examples: [[51, [{ kind: 'older', which: 0, held: 2 }, { kind: 'edit', which: 0, held: 0 }, { kind: 'send', which: 0, held: 0 }]]] })
  })

  test('10,000 messages, scrolled to the first and back, are never all in memory', () => {
    const model = new Model()
    for (const _ of range(10_000)) model.send()
    let state = chatReducer(emptyChat, model.open())
    let most = 0
    while (state.hasOlder) {
      const end = model.messages.findIndex(m => m.id === state.entries[0]!.node.id)
      state = chatReducer(state, { type: 'page', where: 'older', page: model.page(end - 50, end), seq: model.seq })
      most = Math.max(most, state.entries.length + state.aside.length)
    }
    expect(state.entries[0]!.node.id).toBe(model.messages[0]!.id)
    while (state.hasNewer) {
      const from = model.messages.findIndex(m => m.id === state.entries.at(-1)!.node.id) + 1
      state = chatReducer(state, { type: 'page', where: 'newer', page: model.page(from, Math.min(10_000, from + 50)), seq: model.seq })
      most = Math.max(most, state.entries.length + state.aside.length)
    }
    expect(state.entries.at(-1)!.node.id).toBe(model.messages.at(-1)!.id)
    expect(most).toBeLessThanOrEqual(450)
  })

  test('who reads old messages keeps them while new ones come, and who is at the end sees the new ones', () => {
    const model = new Model()
    for (const _ of range(60)) model.send()
    const opened = chatReducer(emptyChat, model.open(), 20)
    const live = (state: ChatState) => {
      for (const _ of range(200)) { model.send(); state = chatReducer(state, { type: 'event', event: model.events.at(-1)! }, 20) }
      return state
    }
    const reader = chatReducer(opened, { type: 'page', where: 'older', page: model.page(0, 10), seq: model.seq }, 20)
    const first = reader.entries[0]
    const after = live(reader)
    expect(after.entries[0]).toBe(first)
    expect(after.hasNewer).toBe(true)
    expect(live(opened).entries.at(-1)!.node.id).toBe(model.messages.at(-1)!.id)
  })

  test('what does not change stays the same object', () => {
    const model = new Model()
    for (const _ of range(5)) model.send()
    const state = chatReducer(emptyChat, model.open())
    for (const event of model.events) expect(chatReducer(state, { type: 'event', event })).toBe(state)
    model.edit(2)
    const next = chatReducer(state, { type: 'event', event: model.events.at(-1)! })
    expect(next.entries.filter((entry, i) => entry !== state.entries[i]).length).toBe(1)
  })

  test('answers to a changed message show the change', () => {
    const model = new Model()
    model.send()
    const reply: Entry = { cursor: 'r', node: { ...model.messages[0]!, id: 'reply', seq: 3, replyTo: { ...model.messages[0]!, author: user('ann') } } }
    let state = chatReducer(chatReducer(emptyChat, model.open()), { type: 'sent', entry: reply })
    model.remove(0)
    state = chatReducer(state, { type: 'event', event: model.events.at(-1)! })
    expect(state.entries[1]!.node.replyTo).toMatchObject({ content: '', deletedAt: at(3) })
  })

  test('members, presence, typing and reading', () => {
    const member = (id: string, role: 'OWNER' | 'MEMBER' = 'MEMBER') => ({ id: `member:${id}`, role, joinedAt: at(0), readSeq: 0, user: user(id) })
    const passing = { cursor: 'c', at: at(9), chatId: 'chat' }
    const opened = { ...new Model().open(), members: [member('ann', 'OWNER'), member('bob')] }
    let state = chatReducer(emptyChat, opened)
    const take = (event: object, viewerId = 'ann') => { state = chatReducer(state, { type: 'event', event: event as ChatEvent, viewerId }) }
    take({ __typename: 'StreamStarted', ...passing, resumed: true, online: [user('ann')], readMarks: [{ user: user('bob'), readSeq: 4 }] })
    expect([[...state.online], state.members[1]!.readSeq]).toEqual([['ann'], 4])
    take({ __typename: 'PresenceChanged', ...passing, user: user('bob'), isOnline: true })
    take({ __typename: 'TypingChanged', ...passing, user: user('bob'), typing: true })
    expect([state.online.has('bob'), state.typing.has('bob')]).toEqual([true, true])
    state = chatReducer(state, { type: 'typingExpired', userId: 'bob' })
    expect(state.typing.size).toBe(0)
    take({ __typename: 'MessagesRead', ...passing, user: user('bob'), readSeq: 2, unreadCount: null })
    expect(state.members[1]!.readSeq).toBe(4)
    take({ __typename: 'MessagesRead', ...passing, user: user('ann'), readSeq: 5, unreadCount: 1 })
    expect(state.chat!.viewerState).toMatchObject({ readSeq: 5, unreadCount: 1 })
    const durable = { ...passing, eventId: 'e', seq: 9, actor: user('ann'), chat: opened.chat }
    take({ __typename: 'ChatTransferred', ...durable, owner: member('bob', 'OWNER') })
    expect(state.members.map(m => m.role)).toEqual(['MEMBER', 'OWNER'])
    // The answer to a transfer that events have overtaken does not win; one that is ahead of them does.
    const answer = (seq: number, userId: string) => chatReducer(state, { type: 'transferred', chat: { ...state.chat!, seq }, userId }).members.map(m => m.role)
    expect(answer(state.chat!.seq, 'ann')).toEqual(['MEMBER', 'OWNER'])
    expect(answer(state.chat!.seq + 1, 'ann')).toEqual(['OWNER', 'MEMBER'])
    expect(answer(state.chat!.seq + 1, 'nobody')).toEqual(['MEMBER', 'OWNER'])
    take({ __typename: 'MemberAdded', ...durable, member: member('cyd') })
    take({ __typename: 'MemberRemoved', ...durable, user: user('bob') })
    expect(state.members.map(m => m.user.id)).toEqual(['ann', 'cyd'])
    state = chatReducer(state, { type: 'presenceExpired' })
    expect(state.online.size).toBe(0)
    take({ __typename: 'ChatDeleted', ...durable, chat: null })
    expect(state.gone).toBe(true)
  })
})

describe('the list of chats', () => {
  // Versions of three chats, in any order and repeated: the newest of each is what stays.
  test('in any order and repeated, the newest version of each chat stays, and what is gone stays gone', () => {
    const version = fc.record({ id: fc.constantFrom('a', 'b', 'c'), seq: fc.integer({ min: 1, max: 20 }), gone: fc.boolean(), event: fc.boolean() })
    fc.assert(fc.property(fc.array(version, { maxLength: 40 }), versions => {
      // One history: what a number of a chat says is the same whenever it is told.
      const history = new Map(versions.map(v => [`${v.id}${v.seq}`, v]))
      const row = (v: { id: string; seq: number }): ChatFieldsFragment => ({ ...new Model().head(), id: v.id, seq: v.seq, title: `${v.id}${v.seq}` })
      let state: ListState<ChatFieldsFragment> = emptyList
      for (const { id, seq } of versions) {
        const v = history.get(`${id}${seq}`)!
        if (v.gone) state = applyFeedEvent(state, { __typename: 'MemberRemoved', chatId: id, seq, chat: null })
        else if (v.event) state = applyFeedEvent(state, { __typename: 'ChatRenamed', chatId: id, seq, chat: row(v) })
        else state = applyChats(state, [row(v)])
      }
      for (const id of ['a', 'b', 'c']) {
        const newest = [...history.values()].filter(v => v.id === id).sort((a, b) => b.seq - a.seq)[0]
        if (!newest || newest.gone) expect(state.rows.has(id)).toBe(false)
        else expect(state.rows.get(id)?.seq).toBe(newest.seq)
      }
    }), { numRuns: 500 })
  })

  test('reading never moves back, and an equal version changes nothing', () => {
    const old = new Model().head(), read = { ...old, viewerState: { ...old.viewerState, readSeq: 7, unreadCount: 0 } }
    expect(newerChat(read, { ...old, seq: old.seq + 1, title: 'new' })).toMatchObject({ title: 'new', viewerState: { readSeq: 7 } })
    expect(newerChat(read, structuredClone(read))).toBe(read)
    const state = applyChats(emptyList, [old])
    expect(applyFeedEvent(state, { __typename: 'MessagesRead', chatId: 'chat', readSeq: 7, unreadCount: 0 }).rows.get('chat')!.viewerState).toMatchObject({ readSeq: 7, unreadCount: 0 })
    expect(applyChats(state, [structuredClone(old)])).toBe(state)
  })

  test('a chat that is removed does not come back by an older answer, but by joining again', () => {
    const row = (seq: number) => ({ ...new Model().head(), seq })
    const gone = removeChats(applyChats(emptyList, [row(5)]), ['chat'], 6)
    expect(applyChats(gone, [row(6)]).rows.size).toBe(0)
    expect(applyChats(gone, [row(7)]).rows.size).toBe(1)
  })

  test('resets, repeats and order', () => {
    expect(mustReload({ __typename: 'StreamReset', resetChatId: null })).toBe(true)
    expect(mustReload({ __typename: 'StreamReset', resetChatId: 'x' }, id => id === 'y')).toBe(false)
    expect(mustReload({ __typename: 'MessageSent' })).toBe(false)
    const isNew = createIsNew(2)
    expect(['a', 'a', 'b', 'c', 'a'].map(eventId => isNew({ eventId }))).toEqual([true, false, true, true, true])
    expect(isNew({})).toBe(true)
    const chats = [{ id: 'a', lastMessageAt: at(1) }, { id: 'b', lastMessageAt: at(3) }, { id: 'c', lastMessageAt: at(3) }]
    expect(chats.sort(byLatestMessage).map(c => c.id)).toEqual(['c', 'b', 'a'])
  })

  test('a deleted message stays deleted, and an edit that an answer overtook is kept', () => {
    const model = new Model()
    model.send()
    const sent = model.messages[0]!
    model.edit(0)
    const edited = model.messages[0]!
    model.remove(0)
    const deleted = model.messages[0]!
    expect(newerMessage(edited, sent)).toBe(edited)
    expect(newerMessage(deleted, edited)).toBe(deleted)
    expect(newerMessage(sent, deleted)).toBe(deleted)
  })
})
