import { asError, StudychatError } from './errors.js'
import * as ops from './generated.js'
import type { ChatFieldsFragment, ChatsQuery } from './generated.js'
import { LINGER, type Core } from './core.js'
import { applyChats, applyFeedEvent, byLatestMessage, createIsNew, emptyList, removeChats, type ListState } from './rules.js'
import { Value } from './store.js'
import { paced, uuid } from './time.js'
import type { ChatRow, ChatsSnapshot, ChatsStore, FeedEvent, NewChat, ViewerStateChange } from './types.js'

const PAGE = 30

interface View {
  readonly moduleId: string | null
  readonly value: Value<ChatsSnapshot>
  readonly store: ChatsStore
  watched: boolean
  loaded: boolean
  generation: number // a read that was overtaken by another one is dropped
  endCursor: string | null
  last: { id: string; lastMessageAt: string } | null // of the pages that were read
}

type Marks = Pick<ChatFieldsFragment['viewerState'], 'mutedUntil' | 'pinnedAt' | 'archivedAt'>

/** The viewer's chats: one table of what is known, one feed that keeps it, and a view for each list that a page shows. */
export class Chats {
  #state: ListState<ChatRow> = emptyList
  readonly #views = new Map<string | null, View>()
  readonly #listeners = new Set<(event: FeedEvent) => void>()
  readonly #hidden = new Set<string>() // being deleted or left
  readonly #marks = new Map<string, Partial<Marks>>() // just changed: an answer from before does not undo them
  #isNew = createIsNew()
  #cursor: string | null = null
  #stopFeed: (() => void) | null = null
  #linger: ReturnType<typeof setTimeout> | undefined
  #forget = false // the next answer replaces everything
  readonly #pace = paced(() => this.show(), 16)

  readonly #core: Core

  constructor(core: Core) {
    this.#core = core
  }

  store(moduleId: string | null): ChatsStore {
    let view = this.#views.get(moduleId)
    if (!view) this.#views.set(moduleId, (view = this.#createView(moduleId)))
    return view.store
  }

  onEvent(listener: (event: FeedEvent) => void): () => void {
    const own = (event: FeedEvent) => listener(event)
    this.#listeners.add(own)
    this.#core.start()
    this.#watch()
    return () => { this.#listeners.delete(own); this.#watch() }
  }

  apply(chat: ChatFieldsFragment): void {
    this.#state = applyChats(this.#state, [this.#row(chat)])
    this.show()
  }

  /** The viewer has read here up to a message: the server will say the same. */
  read(id: string, readSeq: number, all: boolean): void {
    const row = this.#state.rows.get(id)
    if (row) this.apply({ ...row, viewerState: { ...row.viewerState, readSeq, ...(all && { unreadCount: 0 }) } })
  }

  gone(id: string): void {
    this.#state = removeChats(this.#state, [id])
    this.show()
  }

  /** The outbox has changed: chats that wait to be started are rows too. */
  readonly show = (): void => {
    for (const view of this.#views.values()) this.#showView(view)
  }

  close(): void {
    clearTimeout(this.#linger)
    this.#stopFeed?.()
    this.#state = emptyList
    this.show()
  }

  async remove(id: string, how: 'delete' | 'leave'): Promise<void> {
    const { outbox, request } = this.#core
    const hide = (hidden: boolean) => { this.#hidden[hidden ? 'add' : 'delete'](id); this.show() }
    if (outbox.of(id).some(e => e.job.kind === 'createChat' && e.job.attempts === 0)) return outbox.discard(id)
    hide(true)
    try {
      await (how === 'delete' ? request(ops.DeleteChat, { input: { chatId: id } }) : request(ops.LeaveChat, { input: { chatId: id } }))
    } catch (error) {
      if (asError(error).code !== 'NOT_FOUND') {
        hide(false)
        throw error
      }
    }
    this.#core.chatGone(id)
    for (const { job } of outbox.of(id)) outbox.discard(job.id) // nobody will read it
    hide(false)
  }

  // clear deletes what the viewer owns; the chats that wait in the outbox are the viewer's too.
  async #clear(): Promise<readonly string[]> {
    const { outbox, request, chatGone } = this.#core
    const { clearChats } = await request(ops.ClearChats, {})
    const waiting = outbox.all().filter(e => e.job.kind === 'createChat' && !e.sending).map(e => e.job.id)
    const gone = [...new Set([...clearChats!.deletedChatIds, ...waiting])]
    for (const id of clearChats!.deletedChatIds) chatGone(id)
    for (const id of gone) for (const { job } of outbox.of(id)) outbox.discard(job.id)
    return gone
  }

  async updateViewerState(id: string, change: ViewerStateChange): Promise<void> {
    const before = this.#state.rows.get(id)
    const now = new Date(this.#core.now()).toISOString()
    const marks: Partial<Marks> = {
      ...(change.mutedUntil !== undefined && { mutedUntil: change.mutedUntil }),
      ...(change.pinned !== undefined && { pinnedAt: change.pinned ? before?.viewerState.pinnedAt ?? now : null }),
      ...(change.archived !== undefined && { archivedAt: change.archived ? before?.viewerState.archivedAt ?? now : null }),
    }
    this.#marks.set(id, { ...this.#marks.get(id), ...marks })
    if (before) this.apply(before)
    try {
      const { updateViewerState } = await this.#core.request(ops.UpdateViewerState, { input: { chatId: id, ...change } })
      const { mutedUntil, pinnedAt, archivedAt } = updateViewerState!.chat.viewerState
      this.#marks.set(id, { mutedUntil, pinnedAt, archivedAt })
      setTimeout(() => this.#marks.delete(id), 3_000)
      this.#core.tellChat(updateViewerState!.chat)
    } catch (error) {
      this.#marks.delete(id)
      if (before) this.apply({ ...this.#state.rows.get(id)!, viewerState: { ...this.#state.rows.get(id)!.viewerState, ...pick(before.viewerState) } })
      throw error
    }
  }

  // ---- views ----

  #createView(moduleId: string | null): View {
    const value = new Value<ChatsSnapshot>(
      { chats: [], isLoading: true, isLoadingMore: false, error: null, hasMore: false, totalCount: 0 },
      watched => {
        view.watched = watched
        this.#core.start()
        if (watched && !view.loaded) void this.#load(view)
        this.#watch()
      })
    const core = this.#core
    const store: ChatsStore = {
      subscribe: value.subscribe, getSnapshot: value.getSnapshot,
      loadMore: () => this.#loadMore(view),
      startNewChat: chat => this.#startNewChat(chat, moduleId),
      deleteChat: id => this.remove(id, 'delete'),
      leaveChat: id => this.remove(id, 'leave'),
      clearChats: () => this.#clear(),
      renameChat: (id, title) => core.renameChat(id, title),
      updateViewerState: (id, change) => this.updateViewerState(id, change),
      reload: () => void this.#load(view),
    }
    const view: View = { moduleId, value, store, watched: false, loaded: false, generation: 0, endCursor: null, last: null }
    this.#showView(view)
    return view
  }

  #startNewChat({ title, id = uuid(), moduleId, members = [], firstMessage }: NewChat, ofList: string | null): string {
    const { outbox } = this.#core
    this.#core.start()
    if (outbox.has(id)) return id // the second click
    const at = new Date(this.#core.now()).toISOString()
    outbox.add({ id, chatId: id, kind: 'createChat', at, text: title, moduleId: moduleId === undefined ? ofList : moduleId })
    for (const userId of members) outbox.add({ id: uuid(), chatId: id, kind: 'addMember', at, text: userId, userId })
    if (firstMessage) outbox.add({ id: uuid(), chatId: id, kind: 'sendMessage', at, text: firstMessage })
    return id
  }

  #showView(view: View): void {
    const { hasMore, chats: before } = view.value.getSnapshot()
    const rows = [...this.#state.rows.values(), ...this.#waiting()].filter(row =>
      !this.#hidden.has(row.id) && (view.moduleId === null || row.moduleId === view.moduleId) &&
      (!hasMore || !view.last || byLatestMessage(row, view.last) <= 0))
    rows.sort(byLatestMessage)
    const chats = rows.length === before.length && rows.every((row, i) => row === before[i]) ? before : rows
    view.value.patch({ chats })
  }

  readonly #rowsOfJobs = new WeakMap<object, ChatRow>()
  // waiting are the chats that the server does not know yet.
  #waiting(): ChatRow[] {
    const viewer = this.#core.viewer.getSnapshot() ?? NOBODY
    return this.#core.outbox.all().filter(({ job }) => job.kind === 'createChat' && !this.#state.rows.has(job.id)).map(({ job }) => {
      let row = this.#rowsOfJobs.get(job)
      if (!row || row.createdBy !== viewer) this.#rowsOfJobs.set(job, (row = { ...localChat(job.id, job.text, job.at, job.moduleId ?? null, viewer), lastMessage: null }))
      return row
    })
  }

  #row(chat: ChatFieldsFragment): ChatRow {
    const marks = this.#marks.get(chat.id)
    return { ...chat, ...(marks && { viewerState: { ...chat.viewerState, ...marks } }), pending: false }
  }

  async #load(view: View): Promise<void> {
    const generation = ++view.generation
    const current = () => generation === view.generation
    view.value.patch({ isLoading: true })
    const first = Math.min(100, Math.max(PAGE, view.value.getSnapshot().chats.length))
    try {
      const { chats } = await this.#core.persist(() => this.#core.request(ops.Chats, { first, moduleId: view.moduleId }), {
        alive: () => current() && view.watched, failed: error => { if (current()) view.value.patch({ error: asError(error) }) },
      })
      if (!current()) return
      if (this.#forget) {
        this.#forget = false
        this.#state = emptyList
        this.#isNew = createIsNew()
        this.#cursor = null
      }
      view.loaded = true
      this.#take(view, chats)
      this.#cursor ??= chats.eventCursor
      view.value.patch({ isLoading: false, error: null })
      this.show()
      this.#watch()
    } catch (error) {
      if (current()) view.value.patch({ isLoading: false, error: asError(error) })
    }
  }

  async #loadMore(view: View): Promise<void> {
    const { hasMore, isLoadingMore } = view.value.getSnapshot()
    if (!hasMore || isLoadingMore) return
    const { generation } = view
    view.value.patch({ isLoadingMore: true })
    try {
      const { chats } = await this.#core.request(ops.Chats, { first: PAGE, after: view.endCursor, moduleId: view.moduleId })
      if (generation === view.generation) this.#take(view, chats)
      view.value.patch({ error: null })
    } catch (error) {
      view.value.patch({ error: asError(error) })
    } finally {
      view.value.patch({ isLoadingMore: false })
      this.#showView(view)
    }
  }

  #take(view: View, { nodes, pageInfo, totalCount }: ChatsQuery['chats']): void {
    this.#state = applyChats(this.#state, nodes.map(chat => this.#row(chat)))
    view.endCursor = pageInfo.endCursor
    view.last = nodes.at(-1) ?? view.last
    view.value.patch({ hasMore: pageInfo.hasNextPage, totalCount })
  }

  // ---- the feed ----

  // watch runs the feed while somebody looks, and for a while after.
  #watch(): void {
    clearTimeout(this.#linger)
    const views = [...this.#views.values()].some(view => view.watched)
    if (views || this.#listeners.size > 0) {
      if (!this.#stopFeed && (this.#cursor !== null || !views)) this.#stopFeed = this.#follow()
    } else if (this.#stopFeed) {
      this.#linger = setTimeout(() => { this.#stopFeed?.(); this.#stopFeed = null }, LINGER)
    }
  }

  #follow(): () => void {
    return this.#core.connection.open({
      query: ops.Feed,
      variables: () => ({ after: this.#cursor }),
      next: data => this.#onFeed((data as ops.FeedSubscription).chatEvents),
      refused: error => this.#refused(error),
      complete: () => this.#restart(), // the feed never does
    })
  }

  #refused(error: StudychatError): void {
    this.#stopFeed = null
    if (error.retryAfterMs) setTimeout(() => this.#watch(), error.retryAfterMs)
    else if (this.#cursor !== null) this.#restart() // the cursor is another user's, or too old to be understood
  }

  #restart(): void {
    this.#stopFeed?.()
    this.#stopFeed = null
    this.#cursor = null
    this.#forget = true
    for (const view of this.#views.values()) {
      view.loaded = false
      if (view.watched) void this.#load(view)
    }
    this.#watch()
  }

  #onFeed(event: FeedEvent): void {
    this.#cursor = event.cursor
    if (event.__typename === 'StreamStarted') this.#core.setTime(event.at)
    if (event.__typename === 'StreamReset') {
      if (event.resetChatId === null) this.#restart()
      else void this.#reread(event.resetChatId)
    } else {
      if (event.__typename === 'MessageSent') this.#core.messageSent(event.chatId, event.messageEdge)
      const chat = 'chat' in event && event.chat ? { chat: this.#row(event.chat) } : {}
      this.#state = applyFeedEvent(this.#state, this.#mine({ ...event, ...chat } as FeedEvent & { chat?: ChatRow }))
      if (event.__typename === 'ChatCreated') this.#core.outbox.confirm(event.chatId)
      this.#pace()
    }
    if (this.#isNew(event as { eventId?: string })) for (const listener of [...this.#listeners]) listener(event)
  }

  // mine drops what an event says of another member's reading: the row shows the viewer's own.
  #mine<E extends { __typename: string; user?: { id: string } }>(event: E): E {
    return event.__typename === 'MessagesRead' && event.user?.id !== this.#core.viewer.getSnapshot()?.id ? { ...event, unreadCount: null } : event
  }

  async #reread(id: string): Promise<void> {
    try {
      const { chat } = await this.#core.persist(() => this.#core.request(ops.Members, { id }), { alive: () => true })
      this.#state = { rows: new Map([...this.#state.rows].filter(([each]) => each !== id)), gone: new Map([...this.#state.gone].filter(([each]) => each !== id)) }
      this.apply(chat!)
    } catch (error) {
      if (asError(error).code === 'NOT_FOUND') this.gone(id)
    }
  }
}

const pick = ({ mutedUntil, pinnedAt, archivedAt }: Marks): Marks => ({ mutedUntil, pinnedAt, archivedAt })

/** Who writes, before the server has said it. */
export const NOBODY = { id: '', name: '', avatarUrl: null }

/** A chat that only the outbox knows. */
export function localChat(id: string, title: string, at: string, moduleId: string | null, viewer: ChatRow['createdBy']) {
  return {
    id, seq: 0, title, createdAt: at, lastMessageAt: at, moduleId, module: null, createdBy: viewer, pending: true,
    viewerState: { id: `state:${id}`, role: 'OWNER' as const, readSeq: 0, unreadCount: 0, mutedUntil: null, pinnedAt: null, archivedAt: null },
  }
}
