// Comments are kept to 48 columns: that is what the editor shows on a laptop without scrolling.

const firstQuery = `# Welcome to studychat. Ctrl-Enter or the play
# button runs an operation, Ctrl-Space completes,
# the book at the left opens the documentation.
# A curl command can be pasted here as it is.
#
# If the server asks for a token, type
#   {"Authorization": "Bearer …"}
# under Headers, once for all tabs.
#
# The next tabs start a chat and follow it live.

query Chats {
  viewer {
    id
    name
  }
  chats(first: 10) {
    nodes {
      id
      title
      seq
      lastMessage {
        author {
          id
          name
        }
        content
        createdAt
      }
      viewerState {
        unreadCount
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
    eventCursor
  }
}
`;

const startChat = `# Starts a chat and sends a message. The chat's id
# is chosen here, under Variables: running this
# again starts no second chat, it sends one more
# message.

mutation StartChat($chatId: ID!, $title: String!, $content: String!) {
  createChat(input: { id: $chatId, title: $title }) {
    chat {
      id
      title
      eventCursor
    }
  }
  sendMessage(input: { chatId: $chatId, content: $content }) {
    message {
      id
      seq
      author {
        id
        name
      }
      content
      createdAt
    }
  }
}
`;

const followChat = `# Follows the chat of the StartChat tab (run that
# first); the newest event is on top. It goes on
# while you work in other tabs: send one more
# message and come back. Variables:
#   after   an eventCursor, or an event's cursor:
#           all that came later is replayed

subscription FollowChat($chatId: ID!, $after: String) {
  chatEvents(chatId: $chatId, after: $after) {
    __typename
    cursor
    at
    ... on StreamStarted {
      resumed
      online {
        id
        name
      }
    }
    ... on DurableChatEvent {
      seq
      actor {
        id
        name
      }
    }
    ... on MessageSent {
      message {
        id
        role
        content
      }
    }
    ... on MessageEdited {
      message {
        id
        content
      }
    }
    ... on MessagesRead {
      user {
        id
      }
      readSeq
    }
    ... on TypingChanged {
      user {
        id
      }
      typing
    }
    ... on StreamReset {
      reason
    }
  }
}
`;

const followAll = `# Follows all your chats. Under Variables, \`after\`
# takes the eventCursor of the Chats tab: all that
# came later is replayed.

subscription FollowAll($after: String) {
  chatEvents(after: $after) {
    __typename
    cursor
    at
    ... on StreamStarted {
      resumed
    }
    ... on DurableChatEvent {
      eventId
      chatId
      seq
      actor {
        name
      }
      chat {
        title
        viewerState {
          unreadCount
        }
      }
    }
    ... on StreamReset {
      resetChatId
      reason
    }
  }
}
`;

const putModule = `# Writes a study module. With a token, its scope
# must name modules. A chat belongs to the module
# whose id createChat is given as moduleId.

mutation PutModule($input: PutModuleInput!) {
  putModule(input: $input) {
    module {
      id
      title
      updatedAt
      chats(first: 5) {
        totalCount
        nodes {
          id
          title
        }
      }
    }
  }
}
`;

/** What a tab that the user opens starts with. */
export const newTabText = '# Ctrl-Space shows what can stand here.\n\n';

/** The tabs of a first visit. They share one new chat id; later GraphiQL restores what the user made of them. */
export function createExamples() {
  const chatId = randomUUID();
  return [
    {query: firstQuery},
    {query: startChat, variables: toText({chatId, title: 'Linear algebra', content: 'Why is a determinant a volume?'})},
    {query: followChat, variables: toText({chatId, after: null})},
    {query: followAll, variables: toText({after: null})},
    {query: putModule, variables: toText({input: {moduleId: 'linear-algebra', title: 'Linear algebra', content: '# Vectors'}})},
  ];
}

/** crypto.randomUUID is missing on plain http to another machine; getRandomValues is not. */
function randomUUID() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

function toText(value) {
  return JSON.stringify(value, null, 2);
}
