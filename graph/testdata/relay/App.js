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
    seq
    updatedAt
    lastMessageAt
    lastMessage { ...App_message }
    ...App_unread
    ...App_presence
  }
`;

graphql`
  fragment App_unread on Chat { viewerState { role readSeq unreadCount } }
`;

graphql`
  fragment App_presence on Chat { online { ...App_user } members { ...App_member } }
`;

graphql`
  fragment App_user on User { name avatarUrl }
`;

graphql`
  fragment App_member on Member { user { ...App_user } role joinedAt readSeq }
`;

graphql`
  fragment App_message on Message { id seq author { ...App_user } role content createdAt editedAt deletedAt }
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
    node(id: $id) { __typename ... on Chat { createdBy { ...App_user } createdAt } ... on Message { chatId } }
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
      message { ...App_message }
      messageEdge @appendEdge(connections: $connections) { cursor node { ...App_message } }
      chatEdge { node { ...App_row } }
    }
  }
`;

graphql`
  mutation AppDeleteMutation($input: DeleteChatInput!) {
    deleteChat(input: $input) { deletedChatId @deleteRecord }
  }
`;

graphql`
  subscription AppFollowSubscription($chatId: ID, $after: String, $lists: [ID!]!) {
    chatEvents(chatId: $chatId, after: $after) {
      __typename
      cursor
      ... on StreamStarted { online { ...App_user } readMarks { user { ...App_user } readSeq } }
      ... on DurableChatEvent { eventId chatId seq actor { ...App_user } chat { ...App_row } }
      ... on ChatCreated { chatEdge @prependEdge(connections: $lists) { cursor node { ...App_row } } }
      ... on MessageSent { message { ...App_message } }
      ... on MessageEdited { message { ...App_message } }
      ... on MemberAdded { member { ...App_member } }
      ... on TypingChanged { user { ...App_user } typing }
      ... on StreamReset { reason }
    }
  }
`;
