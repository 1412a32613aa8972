// Tests Apollo Client's automatic persisted queries: only the hash, once the text when the server does not know it, then only the hash.
import { createHash } from 'node:crypto'
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from '@apollo/client'
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries'

const { SERVER, TOKENS } = process.env
const authorization = 'Bearer ' + await (await fetch(TOKENS)).text()
const bodies = []
const client = new ApolloClient({
  cache: new InMemoryCache(),
  link: ApolloLink.from([
    new PersistedQueryLink({ sha256: text => createHash('sha256').update(text).digest('hex') }),
    new HttpLink({
      uri: SERVER + '/graphql',
      headers: { authorization },
      fetch: (url, init) => { bodies.push(JSON.parse(init.body)); return fetch(url, init) },
    }),
  ]),
})
const query = gql`query PersistedOnce { chats(first: 1) { pageInfo { hasNextPage } } }`
for (let i = 0; i < 2; i++) {
  const { data } = await client.query({ query, fetchPolicy: 'network-only' })
  if (data.chats.pageInfo.hasNextPage !== false) throw new Error(JSON.stringify(data))
}
report('persisted', { text: bodies.map(body => (body.query ? 'text' : 'hash')).join(', ') })
process.exit()
