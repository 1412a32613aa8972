// Written by scripts/generate.mjs from schema.graphqls and operations.graphql; do not edit.

/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
/** What a member may do. */
export type MemberRole =
  /** Started the chat, or was handed it: renames and deletes it, adds and removes members. */
  | 'OWNER'
  /** Reads and writes. */
  | 'MEMBER';

/** In whose name a message speaks. */
export type MessageRole =
  /** A person. */
  | 'USER'
  /** A tutor program. Only a token with the scope `assistant` may send it. */
  | 'ASSISTANT'
  /** An instruction or a notice. Only a token with the scope `assistant` may send it. */
  | 'SYSTEM';

/** Why a stream lost continuity. */
export type StreamResetReason =
  /** The events after the cursor are no longer kept. */
  | 'EXPIRED'
  /** The cursor is ahead of the chat: it was made by a history that is gone. */
  | 'AHEAD'
  /** The cursor was made before the database was restored or failed over. */
  | 'EPOCH';

/** What `createChat` takes. */
export type CreateChatInput = {
  /** The chat's id, any UUID; made by the server when absent. */
  readonly id?: string | null | undefined;
  /** The title, 1 to 200 characters after trimming. */
  readonly title: string;
  /** The study module that the chat belongs to. There must be one with this id (NOT_FOUND). */
  readonly moduleId?: string | null | undefined;
};

/** What `renameChat` takes. */
export type RenameChatInput = {
  /** The chat. */
  readonly chatId: string;
  /** The new title, 1 to 200 characters after trimming. */
  readonly title: string;
};

/** What `deleteChat` takes. */
export type DeleteChatInput = {
  /** The chat. */
  readonly chatId: string;
};

/** What `transferChat` takes. */
export type TransferChatInput = {
  /** The chat. */
  readonly chatId: string;
  /** The member who becomes the owner. */
  readonly userId: string;
};

/** What `sendMessage` takes. */
export type SendMessageInput = {
  /** The message's id, any UUID; made by the server when absent. */
  readonly id?: string | null | undefined;
  /** The chat. */
  readonly chatId: string;
  /** The text, 1 to 16,000 characters. */
  readonly content: string;
  /** In whose name the message speaks. */
  readonly role?: MessageRole | null | undefined;
  /** The message of the same chat that this one answers (NOT_FOUND if there is none). */
  readonly replyToId?: string | null | undefined;
};

/** What `editMessage` takes. */
export type EditMessageInput = {
  /** The message. */
  readonly messageId: string;
  /** The new text, 1 to 16,000 characters. */
  readonly content: string;
};

/** What `deleteMessage` takes. */
export type DeleteMessageInput = {
  /** The message. */
  readonly messageId: string;
};

/** What `addMember` takes. */
export type AddMemberInput = {
  /** The chat. */
  readonly chatId: string;
  /** The user to add. */
  readonly userId: string;
  /** Also add a user who has never used this server. */
  readonly invite?: boolean | null | undefined;
};

/** What `removeMember` takes. */
export type RemoveMemberInput = {
  /** The chat. */
  readonly chatId: string;
  /** The member to remove. */
  readonly userId: string;
};

/** What `leaveChat` takes. */
export type LeaveChatInput = {
  /** The chat. */
  readonly chatId: string;
};

/** What `markRead` takes. */
export type MarkReadInput = {
  /** The chat. */
  readonly chatId: string;
  /** The sequence number of the newest message that was read; one ahead of the chat counts as the chat's newest. */
  readonly seq: number;
};

/** What `updateViewerState` takes. */
export type UpdateViewerStateInput = {
  /** The chat. */
  readonly chatId: string;
  /** Until when the chat is muted; null ends that. */
  readonly mutedUntil?: string | null | undefined;
  /** Whether the chat is pinned. */
  readonly pinned?: boolean | null | undefined;
  /** Whether the chat is archived. */
  readonly archived?: boolean | null | undefined;
};

/** What `setTyping` takes. */
export type SetTypingInput = {
  /** The chat. */
  readonly chatId: string;
  /** Whether the viewer types. */
  readonly typing: boolean;
};

export type UserFieldsFragment = { readonly id: string, readonly name: string, readonly avatarUrl: string | null };

export type MessageFieldsFragment = { readonly id: string, readonly chatId: string, readonly seq: number, readonly role: MessageRole, readonly content: string, readonly createdAt: string, readonly editedAt: string | null, readonly deletedAt: string | null, readonly author: UserFieldsFragment, readonly replyTo: { readonly id: string, readonly seq: number, readonly content: string, readonly deletedAt: string | null, readonly author: UserFieldsFragment } | null };

export type ChatFieldsFragment = (
  { readonly lastMessage: MessageFieldsFragment | null }
  & ChatHeadFragment
);

export type ChatHeadFragment = { readonly id: string, readonly seq: number, readonly title: string, readonly createdAt: string, readonly lastMessageAt: string, readonly moduleId: string | null, readonly module: { readonly id: string, readonly title: string } | null, readonly createdBy: UserFieldsFragment, readonly viewerState: { readonly id: string, readonly role: MemberRole, readonly readSeq: number, readonly unreadCount: number, readonly mutedUntil: string | null, readonly pinnedAt: string | null, readonly archivedAt: string | null } };

export type MemberFieldsFragment = { readonly id: string, readonly role: MemberRole, readonly joinedAt: string, readonly readSeq: number, readonly user: UserFieldsFragment };

export type PageFieldsFragment = { readonly edges: ReadonlyArray<{ readonly cursor: string, readonly node: MessageFieldsFragment }>, readonly pageInfo: { readonly hasNextPage: boolean, readonly hasPreviousPage: boolean, readonly startCursor: string | null, readonly endCursor: string | null } };

export type ViewerQueryVariables = Exact<{ [key: string]: never; }>;


export type ViewerQuery = { readonly viewer: UserFieldsFragment };

export type ChatsQueryVariables = Exact<{
  first: number;
  after?: string | null | undefined;
  moduleId?: string | null | undefined;
}>;


export type ChatsQuery = { readonly chats: { readonly eventCursor: string, readonly totalCount: number, readonly nodes: ReadonlyArray<ChatFieldsFragment>, readonly pageInfo: { readonly endCursor: string | null, readonly hasNextPage: boolean } } };

export type OpenChatQueryVariables = Exact<{
  id: string;
  last: number;
}>;


export type OpenChatQuery = { readonly chat: (
    { readonly members: ReadonlyArray<MemberFieldsFragment>, readonly online: ReadonlyArray<UserFieldsFragment>, readonly messages: (
      { readonly eventCursor: string }
      & PageFieldsFragment
    ) }
    & ChatFieldsFragment
  ) | null };

export type MessagesPageQueryVariables = Exact<{
  id: string;
  first?: number | null | undefined;
  after?: string | null | undefined;
  last?: number | null | undefined;
  before?: string | null | undefined;
  around?: string | null | undefined;
}>;


export type MessagesPageQuery = { readonly chat: { readonly id: string, readonly seq: number, readonly messages: PageFieldsFragment } | null };

export type MembersQueryVariables = Exact<{
  id: string;
}>;


export type MembersQuery = { readonly chat: (
    { readonly members: ReadonlyArray<MemberFieldsFragment> }
    & ChatFieldsFragment
  ) | null };

export type CreateChatMutationVariables = Exact<{
  input: CreateChatInput;
}>;


export type CreateChatMutation = { readonly createChat: { readonly chat: ChatFieldsFragment } | null };

export type RenameChatMutationVariables = Exact<{
  input: RenameChatInput;
}>;


export type RenameChatMutation = { readonly renameChat: { readonly chat: ChatFieldsFragment } | null };

export type DeleteChatMutationVariables = Exact<{
  input: DeleteChatInput;
}>;


export type DeleteChatMutation = { readonly deleteChat: { readonly deletedChatId: string } | null };

export type ClearChatsMutationVariables = Exact<{ [key: string]: never; }>;


export type ClearChatsMutation = { readonly clearChats: { readonly deletedChatIds: ReadonlyArray<string> } | null };

export type TransferChatMutationVariables = Exact<{
  input: TransferChatInput;
}>;


export type TransferChatMutation = { readonly transferChat: { readonly chat: ChatFieldsFragment } | null };

export type LeaveChatMutationVariables = Exact<{
  input: LeaveChatInput;
}>;


export type LeaveChatMutation = { readonly leaveChat: { readonly leftChatId: string } | null };

export type SendMessageMutationVariables = Exact<{
  input: SendMessageInput;
}>;


export type SendMessageMutation = { readonly sendMessage: { readonly messageEdge: { readonly cursor: string, readonly node: MessageFieldsFragment }, readonly chatEdge: { readonly node: ChatFieldsFragment } | null } | null };

export type EditMessageMutationVariables = Exact<{
  input: EditMessageInput;
}>;


export type EditMessageMutation = { readonly editMessage: { readonly message: MessageFieldsFragment } | null };

export type DeleteMessageMutationVariables = Exact<{
  input: DeleteMessageInput;
}>;


export type DeleteMessageMutation = { readonly deleteMessage: { readonly message: MessageFieldsFragment } | null };

export type AddMemberMutationVariables = Exact<{
  input: AddMemberInput;
}>;


export type AddMemberMutation = { readonly addMember: { readonly chat: ChatFieldsFragment, readonly member: MemberFieldsFragment } | null };

export type RemoveMemberMutationVariables = Exact<{
  input: RemoveMemberInput;
}>;


export type RemoveMemberMutation = { readonly removeMember: { readonly chat: ChatFieldsFragment, readonly removedUser: { readonly id: string } } | null };

export type MarkReadMutationVariables = Exact<{
  input: MarkReadInput;
}>;


export type MarkReadMutation = { readonly markRead: { readonly chat: ChatFieldsFragment } | null };

export type UpdateViewerStateMutationVariables = Exact<{
  input: UpdateViewerStateInput;
}>;


export type UpdateViewerStateMutation = { readonly updateViewerState: { readonly chat: ChatFieldsFragment } | null };

export type SetTypingMutationVariables = Exact<{
  input: SetTypingInput;
}>;


export type SetTypingMutation = { readonly setTyping: { readonly chatId: string } | null };

export type FeedSubscriptionVariables = Exact<{
  after?: string | null | undefined;
}>;


export type FeedSubscription = { readonly chatEvents:
    | { readonly __typename: 'StreamStarted', readonly cursor: string, readonly at: string }
    | { readonly __typename: 'ChatCreated', readonly eventId: string, readonly chatId: string, readonly seq: number, readonly cursor: string, readonly at: string, readonly actor: UserFieldsFragment, readonly chat: ChatFieldsFragment | null }
    | { readonly __typename: 'ChatRenamed', readonly eventId: string, readonly chatId: string, readonly seq: number, readonly cursor: string, readonly at: string, readonly actor: UserFieldsFragment, readonly chat: ChatFieldsFragment | null }
    | { readonly __typename: 'ChatDeleted', readonly eventId: string, readonly chatId: string, readonly seq: number, readonly cursor: string, readonly at: string, readonly actor: UserFieldsFragment, readonly chat: ChatFieldsFragment | null }
    | { readonly __typename: 'ChatTransferred', readonly eventId: string, readonly chatId: string, readonly seq: number, readonly cursor: string, readonly at: string, readonly actor: UserFieldsFragment, readonly chat: ChatFieldsFragment | null }
    | { readonly __typename: 'MessageSent', readonly eventId: string, readonly chatId: string, readonly seq: number, readonly cursor: string, readonly at: string, readonly actor: UserFieldsFragment, readonly chat: ChatFieldsFragment | null, readonly messageEdge: { readonly cursor: string, readonly node: MessageFieldsFragment } }
    | { readonly __typename: 'MessageEdited', readonly eventId: string, readonly chatId: string, readonly seq: number, readonly cursor: string, readonly at: string, readonly actor: UserFieldsFragment, readonly chat: ChatFieldsFragment | null, readonly message: MessageFieldsFragment }
    | { readonly __typename: 'MessageDeleted', readonly eventId: string, readonly chatId: string, readonly seq: number, readonly cursor: string, readonly at: string, readonly actor: UserFieldsFragment, readonly chat: ChatFieldsFragment | null, readonly message: MessageFieldsFragment }
    | { readonly __typename: 'MemberAdded', readonly eventId: string, readonly chatId: string, readonly seq: number, readonly cursor: string, readonly at: string, readonly actor: UserFieldsFragment, readonly chat: ChatFieldsFragment | null, readonly member: MemberFieldsFragment }
    | { readonly __typename: 'MemberRemoved', readonly eventId: string, readonly chatId: string, readonly seq: number, readonly cursor: string, readonly at: string, readonly actor: UserFieldsFragment, readonly chat: ChatFieldsFragment | null, readonly user: UserFieldsFragment }
    | { readonly __typename: 'MessagesRead', readonly chatId: string, readonly readSeq: number, readonly unreadCount: number | null, readonly cursor: string, readonly at: string, readonly user: UserFieldsFragment }
    | { readonly __typename: 'TypingChanged', readonly cursor: string, readonly at: string }
    | { readonly __typename: 'PresenceChanged', readonly cursor: string, readonly at: string }
    | { readonly __typename: 'StreamReset', readonly resetChatId: string | null, readonly reason: StreamResetReason, readonly cursor: string, readonly at: string }
   };

export type FollowSubscriptionVariables = Exact<{
  chatId: string;
  after?: string | null | undefined;
}>;


export type FollowSubscription = { readonly chatEvents:
    | { readonly __typename: 'StreamStarted', readonly resumed: boolean, readonly cursor: string, readonly at: string, readonly online: ReadonlyArray<UserFieldsFragment>, readonly readMarks: ReadonlyArray<{ readonly readSeq: number, readonly user: UserFieldsFragment }> }
    | { readonly __typename: 'ChatCreated', readonly eventId: string, readonly chatId: string, readonly seq: number, readonly cursor: string, readonly at: string, readonly actor: UserFieldsFragment, readonly chat: ChatHeadFragment | null }
    | { readonly __typename: 'ChatRenamed', readonly eventId: string, readonly chatId: string, readonly seq: number, readonly cursor: string, readonly at: string, readonly actor: UserFieldsFragment, readonly chat: ChatHeadFragment | null }
    | { readonly __typename: 'ChatDeleted', readonly eventId: string, readonly chatId: string, readonly seq: number, readonly cursor: string, readonly at: string, readonly actor: UserFieldsFragment, readonly chat: ChatHeadFragment | null }
    | { readonly __typename: 'ChatTransferred', readonly eventId: string, readonly chatId: string, readonly seq: number, readonly cursor: string, readonly at: string, readonly actor: UserFieldsFragment, readonly chat: ChatHeadFragment | null, readonly owner: MemberFieldsFragment }
    | { readonly __typename: 'MessageSent', readonly eventId: string, readonly chatId: string, readonly seq: number, readonly cursor: string, readonly at: string, readonly actor: UserFieldsFragment, readonly chat: ChatHeadFragment | null, readonly messageEdge: { readonly cursor: string, readonly node: MessageFieldsFragment } }
    | { readonly __typename: 'MessageEdited', readonly eventId: string, readonly chatId: string, readonly seq: number, readonly cursor: string, readonly at: string, readonly actor: UserFieldsFragment, readonly chat: ChatHeadFragment | null, readonly message: MessageFieldsFragment }
    | { readonly __typename: 'MessageDeleted', readonly eventId: string, readonly chatId: string, readonly seq: number, readonly cursor: string, readonly at: string, readonly actor: UserFieldsFragment, readonly chat: ChatHeadFragment | null, readonly message: MessageFieldsFragment }
    | { readonly __typename: 'MemberAdded', readonly eventId: string, readonly chatId: string, readonly seq: number, readonly cursor: string, readonly at: string, readonly actor: UserFieldsFragment, readonly chat: ChatHeadFragment | null, readonly member: MemberFieldsFragment }
    | { readonly __typename: 'MemberRemoved', readonly eventId: string, readonly chatId: string, readonly seq: number, readonly cursor: string, readonly at: string, readonly actor: UserFieldsFragment, readonly chat: ChatHeadFragment | null, readonly user: UserFieldsFragment }
    | { readonly __typename: 'MessagesRead', readonly chatId: string, readonly readSeq: number, readonly unreadCount: number | null, readonly cursor: string, readonly at: string, readonly user: UserFieldsFragment }
    | { readonly __typename: 'TypingChanged', readonly chatId: string, readonly typing: boolean, readonly cursor: string, readonly at: string, readonly user: UserFieldsFragment }
    | { readonly __typename: 'PresenceChanged', readonly chatId: string, readonly isOnline: boolean, readonly cursor: string, readonly at: string, readonly user: UserFieldsFragment }
    | { readonly __typename: 'StreamReset', readonly resetChatId: string | null, readonly reason: StreamResetReason, readonly cursor: string, readonly at: string }
   };

/** The text of an operation; it remembers the types of its data and its variables. */
export type Document<Data, Variables> = string & { readonly __types?: (variables: Variables) => Data }
const document = <Data, Variables>(text: string) => text as Document<Data, Variables>

const UserFields = "fragment UserFields on User{id name avatarUrl}"
const MessageFields = "fragment MessageFields on Message{id chatId seq role content createdAt editedAt deletedAt author{...UserFields}replyTo{id seq content deletedAt author{...UserFields}}}"
const ChatFields = "fragment ChatFields on Chat{...ChatHead lastMessage{...MessageFields}}"
const ChatHead = "fragment ChatHead on Chat{id seq title createdAt lastMessageAt moduleId module{id title}createdBy{...UserFields}viewerState{id role readSeq unreadCount mutedUntil pinnedAt archivedAt}}"
const MemberFields = "fragment MemberFields on Member{id role joinedAt readSeq user{...UserFields}}"
const PageFields = "fragment PageFields on MessageConnection{edges{cursor node{...MessageFields}}pageInfo{hasNextPage hasPreviousPage startCursor endCursor}}"
export const Viewer = /* @__PURE__ */ document<ViewerQuery, ViewerQueryVariables>("query Viewer{viewer{...UserFields}}" + UserFields)
export const Chats = /* @__PURE__ */ document<ChatsQuery, ChatsQueryVariables>("query Chats($first:Int!$after:String$moduleId:ID){chats(first:$first after:$after moduleId:$moduleId){eventCursor totalCount nodes{...ChatFields}pageInfo{endCursor hasNextPage}}}" + ChatFields + ChatHead + UserFields + MessageFields)
export const OpenChat = /* @__PURE__ */ document<OpenChatQuery, OpenChatQueryVariables>("query OpenChat($id:ID!$last:Int!){chat(id:$id){...ChatFields members{...MemberFields}online{...UserFields}messages(last:$last){...PageFields eventCursor}}}" + ChatFields + ChatHead + UserFields + MessageFields + MemberFields + PageFields)
export const MessagesPage = /* @__PURE__ */ document<MessagesPageQuery, MessagesPageQueryVariables>("query MessagesPage($id:ID!$first:Int$after:String$last:Int$before:String$around:String){chat(id:$id){id seq messages(first:$first after:$after last:$last before:$before around:$around){...PageFields}}}" + PageFields + MessageFields + UserFields)
export const Members = /* @__PURE__ */ document<MembersQuery, MembersQueryVariables>("query Members($id:ID!){chat(id:$id){...ChatFields members{...MemberFields}}}" + ChatFields + ChatHead + UserFields + MessageFields + MemberFields)
export const CreateChat = /* @__PURE__ */ document<CreateChatMutation, CreateChatMutationVariables>("mutation CreateChat($input:CreateChatInput!){createChat(input:$input){chat{...ChatFields}}}" + ChatFields + ChatHead + UserFields + MessageFields)
export const RenameChat = /* @__PURE__ */ document<RenameChatMutation, RenameChatMutationVariables>("mutation RenameChat($input:RenameChatInput!){renameChat(input:$input){chat{...ChatFields}}}" + ChatFields + ChatHead + UserFields + MessageFields)
export const DeleteChat = /* @__PURE__ */ document<DeleteChatMutation, DeleteChatMutationVariables>("mutation DeleteChat($input:DeleteChatInput!){deleteChat(input:$input){deletedChatId}}")
export const ClearChats = /* @__PURE__ */ document<ClearChatsMutation, ClearChatsMutationVariables>("mutation ClearChats{clearChats{deletedChatIds}}")
export const TransferChat = /* @__PURE__ */ document<TransferChatMutation, TransferChatMutationVariables>("mutation TransferChat($input:TransferChatInput!){transferChat(input:$input){chat{...ChatFields}}}" + ChatFields + ChatHead + UserFields + MessageFields)
export const LeaveChat = /* @__PURE__ */ document<LeaveChatMutation, LeaveChatMutationVariables>("mutation LeaveChat($input:LeaveChatInput!){leaveChat(input:$input){leftChatId}}")
export const SendMessage = /* @__PURE__ */ document<SendMessageMutation, SendMessageMutationVariables>("mutation SendMessage($input:SendMessageInput!){sendMessage(input:$input){messageEdge{cursor node{...MessageFields}}chatEdge{node{...ChatFields}}}}" + MessageFields + UserFields + ChatFields + ChatHead)
export const EditMessage = /* @__PURE__ */ document<EditMessageMutation, EditMessageMutationVariables>("mutation EditMessage($input:EditMessageInput!){editMessage(input:$input){message{...MessageFields}}}" + MessageFields + UserFields)
export const DeleteMessage = /* @__PURE__ */ document<DeleteMessageMutation, DeleteMessageMutationVariables>("mutation DeleteMessage($input:DeleteMessageInput!){deleteMessage(input:$input){message{...MessageFields}}}" + MessageFields + UserFields)
export const AddMember = /* @__PURE__ */ document<AddMemberMutation, AddMemberMutationVariables>("mutation AddMember($input:AddMemberInput!){addMember(input:$input){chat{...ChatFields}member{...MemberFields}}}" + ChatFields + ChatHead + UserFields + MessageFields + MemberFields)
export const RemoveMember = /* @__PURE__ */ document<RemoveMemberMutation, RemoveMemberMutationVariables>("mutation RemoveMember($input:RemoveMemberInput!){removeMember(input:$input){chat{...ChatFields}removedUser{id}}}" + ChatFields + ChatHead + UserFields + MessageFields)
export const MarkRead = /* @__PURE__ */ document<MarkReadMutation, MarkReadMutationVariables>("mutation MarkRead($input:MarkReadInput!){markRead(input:$input){chat{...ChatFields}}}" + ChatFields + ChatHead + UserFields + MessageFields)
export const UpdateViewerState = /* @__PURE__ */ document<UpdateViewerStateMutation, UpdateViewerStateMutationVariables>("mutation UpdateViewerState($input:UpdateViewerStateInput!){updateViewerState(input:$input){chat{...ChatFields}}}" + ChatFields + ChatHead + UserFields + MessageFields)
export const SetTyping = /* @__PURE__ */ document<SetTypingMutation, SetTypingMutationVariables>("mutation SetTyping($input:SetTypingInput!){setTyping(input:$input){chatId}}")
export const Feed = /* @__PURE__ */ document<FeedSubscription, FeedSubscriptionVariables>("subscription Feed($after:String){chatEvents(after:$after){__typename cursor at ...on DurableChatEvent{eventId chatId seq actor{...UserFields}chat{...ChatFields}}...on MessageSent{messageEdge{cursor node{...MessageFields}}}...on MessageEdited{message{...MessageFields}}...on MessageDeleted{message{...MessageFields}}...on MemberAdded{member{...MemberFields}}...on MemberRemoved{user{...UserFields}}...on MessagesRead{chatId readSeq unreadCount user{...UserFields}}...on StreamReset{resetChatId reason}}}" + UserFields + ChatFields + ChatHead + MessageFields + MemberFields)
export const Follow = /* @__PURE__ */ document<FollowSubscription, FollowSubscriptionVariables>("subscription Follow($chatId:ID!$after:String){chatEvents(chatId:$chatId after:$after){__typename cursor at ...on DurableChatEvent{eventId chatId seq actor{...UserFields}chat{...ChatHead}}...on StreamStarted{resumed online{...UserFields}readMarks{readSeq user{...UserFields}}}...on ChatTransferred{owner{...MemberFields}}...on MessageSent{messageEdge{cursor node{...MessageFields}}}...on MessageEdited{message{...MessageFields}}...on MessageDeleted{message{...MessageFields}}...on MemberAdded{member{...MemberFields}}...on MemberRemoved{user{...UserFields}}...on MessagesRead{chatId readSeq unreadCount user{...UserFields}}...on TypingChanged{chatId typing user{...UserFields}}...on PresenceChanged{chatId isOnline user{...UserFields}}...on StreamReset{resetChatId reason}}}" + UserFields + ChatHead + MemberFields + MessageFields)
