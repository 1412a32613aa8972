/** Hooks for React 18 and later. */
import { createContext, createElement, useContext, useMemo, useSyncExternalStore, type ReactNode } from 'react'
import type { ChatsSnapshot, ChatsStore, ChatSnapshot, ChatStore, ConnectionStatus, OutboxSnapshot, OutboxStore, Store, Studychat, User } from './types.js'

export type * from './types.js'

const Context = createContext<Studychat | null>(null)

/** Gives a client to the hooks below it. */
export function StudychatProvider({ client, children }: { client: Studychat; children?: ReactNode }) {
  return createElement(Context.Provider, { value: client }, children)
}

/** The client itself. */
export function useStudychat(): Studychat {
  const client = useContext(Context)
  if (!client) throw new Error('There is no <StudychatProvider client={…}> above this component.')
  return client
}

/** What a store shows, and its methods: `T` without what only stores have. */
export type View<Snapshot, T extends Store<Snapshot>> = Snapshot & Omit<T, keyof Store<Snapshot> | keyof Snapshot>

const useStore = <S>(store: Store<S>) => useSyncExternalStore(store.subscribe, store.getSnapshot, store.getSnapshot)

function useView<S extends object, T extends Store<S>>(store: T): View<S, T> {
  const snapshot = useStore<S>(store)
  return useMemo(() => ({ ...store, ...snapshot }), [store, snapshot]) as unknown as View<S, T>
}

/** The list of the viewer's chats, or of those of one module. */
export function useChats({ moduleId }: { moduleId?: string | null } = {}): View<ChatsSnapshot, ChatsStore> {
  return useView<ChatsSnapshot, ChatsStore>(useStudychat().chats({ moduleId }))
}

/** `useChats`, by its former name. */
export const useChatRedis = useChats

/** An open chat. */
export function useChat(id: string): View<ChatSnapshot, ChatStore> {
  return useView<ChatSnapshot, ChatStore>(useStudychat().chat(id))
}

/** How the client is connected. */
export function useConnectionStatus(): ConnectionStatus {
  return useStore(useStudychat().status)
}

/** The user who asks; null until the server has said. */
export function useViewer(): User | null {
  return useStore(useStudychat().viewer)
}

/** All that waits to be sent. */
export function useOutbox(): View<OutboxSnapshot, OutboxStore> {
  return useView<OutboxSnapshot, OutboxStore>(useStudychat().outbox)
}
