// @vitest-environment happy-dom
// The hooks: what did not change draws nothing again, and strict mode or a quick way back opens nothing twice.
import { act, createElement, memo, StrictMode, useState, type ReactNode } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeAll, expect, test } from 'vitest'
import WebSocket from 'ws'
import { createStudychat, type ChatMember, type ChatMessage, type ChatRow, type Studychat } from '../src/index.js'
import { StudychatProvider, useChat, useChatRedis, useChats, useConnectionStatus, useOutbox, useStudychat, useViewer } from '../src/react.js'
import { sign, startServer, until, type Server } from './server.js'

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: false })
let server: Server
beforeAll(async () => { server = await startServer() })

const open: { client: Studychat; root: Root }[] = []
afterEach(() => { for (const { client, root } of open.splice(0)) { root.unmount(); client.close() } })

function render(user: string, children: ReactNode): Studychat {
  const client = createStudychat({ url: server.url, getToken: () => sign(user), webSocketImpl: WebSocket, storage: 'memory' })
  const root = createRoot(document.body.appendChild(document.createElement('div')))
  open.push({ client, root })
  root.render(createElement(StrictMode, null, createElement(StudychatProvider, { client }, children)))
  return client
}

test('hooks show what the stores hold, and their methods work when taken apart', async () => {
  const id = await server.newChat('hook', 'Hooked')
  let seen: ReturnType<typeof useAll> | undefined
  const useAll = () => ({ list: useChats(), same: useChatRedis(), chat: useChat(id), status: useConnectionStatus(), outbox: useOutbox(), viewer: useViewer(), client: useStudychat() })
  const App = () => { seen = useAll(); return null }
  const client = render('hook', <App />)
  await until('all is there', () => seen?.list.chats.length === 1 && seen.chat.chat?.title === 'Hooked' && seen.status === 'online' && seen.viewer?.name === 'hook')
  expect(seen!.client).toBe(client)
  expect(seen!.same.chats).toBe(seen!.list.chats)
  const { send, rename } = seen!.chat
  const message = send('hello')
  await rename('Renamed')
  await until('both are shown', () => seen!.chat.messages[0]?.state === 'sent' && seen!.list.chats[0]?.title === 'Renamed' && seen!.outbox.items.length === 0)
  expect(seen!.chat.messages[0]!.id).toBe(message)
})

test('only what changed is drawn again', async () => {
  const id = await server.newChat('draw')
  await server.newChat('draw', 'another')
  for (const text of ['one', 'two', 'three']) await server.send('draw', id, text)
  const drawn: string[] = []
  const Row = memo(({ row }: { row: ChatRow }) => { drawn.push(`row ${row.title}`); return null })
  const Message = memo(({ message }: { message: ChatMessage }) => { drawn.push(`message ${message.content}`); return null })
  const Member = memo(({ member }: { member: ChatMember }) => { drawn.push(`member ${member.user.name}`); return null })
  const List = () => useChats().chats.map(row => <Row row={row} key={row.id} />)
  const Chat = () => {
    const { messages, members } = useChat(id)
    return [messages.map(message => <Message message={message} key={message.id} />), members.map(member => <Member member={member} key={member.user.id} />)]
  }
  const client = render('draw', [<List key="list" />, <Chat key="chat" />])
  await until('all is there', () => client.chat(id).getSnapshot().messages.length === 3 && client.chats().getSnapshot().chats.length === 2 && client.chat(id).getSnapshot().members[0]?.online)
  await until('all is drawn', () => drawn.includes('message three') && drawn.includes('member draw'))
  await act(async () => {})
  drawn.length = 0
  client.chat(id).send('four')
  await until('it is sent and shown', () => client.chat(id).getSnapshot().messages[3]?.state === 'sent' && client.chats().getSnapshot().chats[0]?.lastMessage?.content === 'four')
  await act(async () => {})
  expect([...new Set(drawn)].sort()).toEqual(['message four', 'row A chat'])
})

test('strict mode and a quick change of views keep one stream per chat', async () => {
  const id = await server.newChat('strict')
  let frames: string[] = []
  class Counting extends WebSocket {
    override send(data: never, ...rest: never[]) {
      if (String(data).includes('"subscribe"')) frames.push(String(data))
      return (super.send as (...all: unknown[]) => void)(data, ...rest)
    }
  }
  let setShown: (shown: boolean) => void = () => {}
  const Chat = () => { useChat(id); return null }
  const App = () => {
    const [shown, set] = useState(true)
    setShown = set
    return shown ? <Chat /> : null
  }
  const client = createStudychat({ url: server.url, getToken: () => sign('strict'), webSocketImpl: Counting, storage: 'memory' })
  const root = createRoot(document.body.appendChild(document.createElement('div')))
  open.push({ client, root })
  root.render(<StrictMode><StudychatProvider client={client}><App /></StudychatProvider></StrictMode>)
  await until('open', () => client.status.getSnapshot() === 'online')
  for (const shown of [false, true, false, true]) {
    setShown(shown)
    await new Promise(resolve => setImmediate(resolve))
  }
  await server.send('strict', id, 'still live')
  await until('it is live', () => client.chat(id).getSnapshot().messages.length === 1)
  expect(frames.length).toBe(1)
  frames = []
})
