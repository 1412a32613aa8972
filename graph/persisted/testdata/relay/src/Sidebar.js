import { graphql } from "react-relay";

export const row = graphql`
  fragment Sidebar_row on Chat {
    id
    title
  }
`;

export const sidebar = graphql`
  query SidebarQuery($first: Int) {
    chats(first: $first) {
      edges {
        node {
          ...Sidebar_row
        }
      }
    }
  }
`;

export const send = graphql`
  mutation SidebarSendMutation($chatId: ID!, $content: String!) {
    sendMessage(input: { chatId: $chatId, content: $content }) {
      message {
        id
        seq
      }
    }
  }
`;

export const events = graphql`
  subscription SidebarEventsSubscription($chatId: ID, $after: String) {
    chatEvents(chatId: $chatId, after: $after) {
      cursor
      ... on MessageSent {
        seq
        message {
          content
        }
      }
    }
  }
`;
