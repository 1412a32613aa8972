// What a Relay front end writes; the compiler makes from it what goes over the wire.
import { graphql } from "relay-runtime";

graphql`
  query AppSidebarQuery($count: Int!, $moduleId: ID) {
    ...App_sidebar @arguments(count: $count, moduleId: $moduleId)
  }
`;

graphql`
  fragment App_sidebar on Query
  @argumentDefinitions(count: { type: "Int!" }, cursor: { type: "String" }, moduleId: { type: "ID" })
  @refetchable(queryName: "AppSidebarPaginationQuery") {
    chats(first: $count, after: $cursor, moduleId: $moduleId) @connection(key: "App_chats") {
      edges { node { id ...App_row } }
    }
  }
`;

graphql`
  fragment App_row on Chat {
    title
    updatedAt
    lastMessage { ...App_message }
    ...App_unread
    ...App_presence
  }
`;

graphql`
  fragment App_unread on Chat { viewerState { role readSeq unreadCount } }
`;

graphql`
  fragment App_presence on Chat { online { id name } members { ...App_member } }
`;

graphql`
  fragment App_member on Member { user { id name } role joinedAt }
`;

graphql`
  fragment App_message on Message { id seq author { id name } role content createdAt editedAt deletedAt }
`;

graphql`
  query AppChatQuery($id: ID!, $count: Int = 50, $withMembers: Boolean = true) {
    chat(id: $id) {
      title
      eventCursor
      ...App_messages @arguments(count: $count)
      ...App_presence @include(if: $withMembers) @alias(as: "presence")
      ...App_unread
    }
    node(id: $id) { __typename ... on Chat { createdBy { id } createdAt } ... on Message { chatId } }
  }
`;

graphql`
  fragment App_messages on Chat
  @argumentDefinitions(count: { type: "Int", defaultValue: 50 }, cursor: { type: "String" })
  @refetchable(queryName: "AppMessagesPaginationQuery") {
    messages(last: $count, before: $cursor) @connection(key: "App_messages") {
      edges { node { ...App_message } }
    }
  }
`;

graphql`
  mutation AppSendMutation($input: SendMessageInput!, $connections: [ID!]!) {
    sendMessage(input: $input) {
      message @appendNode(connections: $connections, edgeTypeName: "MessageEdge") { ...App_message }
    }
  }
`;

graphql`
  mutation AppDeleteMutation($input: DeleteChatInput!) {
    deleteChat(input: $input) { deletedChatId @deleteRecord }
  }
`;

graphql`
  subscription AppFollowSubscription($chatId: ID, $after: String) {
    chatEvents(chatId: $chatId, after: $after) {
      __typename
      cursor
      ... on DurableChatEvent { eventId chatId seq actor { id name } chat { id seq title lastMessageAt } }
      ... on ChatCreated { chat { ...App_row } }
      ... on MessageSent { message { ...App_message } }
      ... on MessageEdited { message { ...App_message } }
      ... on MemberAdded { member { ...App_member } }
      ... on TypingChanged { user { id } typing }
      ... on StreamReset { reason }
    }
  }
`;
