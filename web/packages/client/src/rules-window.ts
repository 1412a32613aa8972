// The window of an open chat into its messages: part of the rules.
import type { MessageFieldsFragment } from './generated.js'
import type { ChatInput, ChatState, Entry } from './rules-state.js'
import { newerMessage } from './rules-versions.js'
import { same } from './same.js'

// A window grows by so many messages over its size before it is cut, so that not each message moves it.
const SLACK = 50

/** A message that was sent: into the window, or aside while the window does not reach the newest. */
export function addMessage(state: ChatState, entry: Entry, size: number): ChatState {
  if (state.entries.some(e => e.node.id === entry.node.id)) return changeMessage(state, entry.node)
  const first = state.entries[0]
  if (first && state.hasOlder && entry.node.seq < first.node.seq) return state // before the window
  const last = state.entries[state.entries.length - 1]
  const inside = last !== undefined && entry.node.seq < last.node.seq
  const full = state.reading === 'history' && state.entries.length >= size + SLACK
  if (!inside && (state.hasNewer || full)) return setAside(state, entry, size)
  return cut({ ...state, entries: insert(state.entries, entry) }, size)
}

function setAside(state: ChatState, entry: Entry, size: number): ChatState {
  const aside = insert(state.aside, entry)
  const missed = aside.length > size ? aside[0]!.node.seq : state.missed
  return { ...state, hasNewer: true, aside: aside.slice(-size), missed }
}

// insert adds an entry by its seq: nearly always at the end. An id that is there already is replaced by its newer version.
function insert(entries: readonly Entry[], entry: Entry): Entry[] {
  let at = entries.length
  while (at > 0 && entries[at - 1]!.node.seq > entry.node.seq) at--
  const known = entries[at - 1]
  if (known?.node.id !== entry.node.id) return entries.toSpliced(at, 0, entry)
  return entries.with(at - 1, { ...known, node: newerMessage(known.node, entry.node) })
}

function merge(entries: readonly Entry[], more: readonly Entry[]): readonly Entry[] {
  return more.reduce<readonly Entry[]>(insert, entries)
}

/** Bounds the window at the end that the reader does not look at. */
export function cut(state: ChatState, size: number): ChatState {
  const { entries } = state
  if (entries.length <= size + SLACK) return state
  if (state.reading === 'latest') return { ...state, entries: entries.slice(-size), hasOlder: true }
  return { ...state, entries: entries.slice(0, size), hasNewer: true, missed: Math.max(state.missed, entries.at(-1)!.node.seq) }
}

/** Takes a newer version of a message, also where other messages answer it. */
export function changeMessage(state: ChatState, message: MessageFieldsFragment): ChatState {
  const change = (entries: readonly Entry[]) => {
    const next = entries.map(entry => {
      const node = changed(entry.node, message)
      return node === entry.node ? entry : { ...entry, node }
    })
    return next.some((entry, i) => entry !== entries[i]) ? next : entries
  }
  const entries = change(state.entries), aside = change(state.aside)
  return entries === state.entries && aside === state.aside ? state : { ...state, entries, aside }
}

// A page is under way for seconds; so many changes are remembered for it.
const CHANGES = 50

/** Keeps a change of a message outside the window: a page that was read before it does not undo it. */
export function remember(state: ChatState, message: MessageFieldsFragment): ChatState {
  const known = [...state.entries, ...state.aside].some(entry => entry.node.id === message.id)
  return known ? state : { ...state, changes: [...state.changes.filter(m => m.id !== message.id), message].slice(-CHANGES) }
}

function changed(node: MessageFieldsFragment, message: MessageFieldsFragment): MessageFieldsFragment {
  if (node.id === message.id) return newerMessage(node, message)
  if (node.replyTo?.id !== message.id) return node
  const replyTo = { ...node.replyTo, content: message.content, deletedAt: message.deletedAt }
  return same(replyTo, node.replyTo) ? node : { ...node, replyTo }
}

/** Takes a page beside the window, or in place of it. */
export function onPage(state: ChatState, { where, page, seq }: ChatInput & { type: 'page' }, size: number): ChatState {
  const { hasNextPage, hasPreviousPage } = page.pageInfo
  const newest = (entries: readonly Entry[]) => entries.map(entry => {
    const known = state.entries.find(e => e.node.id === entry.node.id)?.node ?? state.changes.find(m => m.id === entry.node.id)
    return known ? { ...entry, node: newerMessage(known, entry.node) } : entry
  })
  // Messages that came while the answer was under way: beside the window, or at its end if it reached the newest.
  const came = [...state.entries, ...state.aside].filter(entry => entry.node.seq > seq)
  switch (where) {
    case 'older': return cut({ ...state, entries: merge(newest(page.edges), state.entries), hasOlder: hasPreviousPage, reading: 'history' }, size)
    case 'newer': return join({ ...state, entries: merge(state.entries, newest(page.edges)), hasNewer: hasNextPage, reading: 'latest' }, came, seq, size)
    case 'around': return join({ ...state, entries: newest(page.edges), hasOlder: hasPreviousPage, hasNewer: hasNextPage, reading: 'history' }, came, seq, size)
    case 'latest': return join({ ...state, entries: newest(page.edges), hasOlder: hasPreviousPage, hasNewer: false, reading: 'latest' }, came, seq, size)
  }
}

// join ends a window that reaches the newest message of an answer: what came after the answer was read is added to it.
function join(state: ChatState, came: readonly Entry[], seq: number, size: number): ChatState {
  if (state.hasNewer || state.missed > seq) return cut({ ...state, hasNewer: true }, size)
  return cut({ ...state, entries: merge(state.entries, came), aside: [], missed: 0 }, size)
}
