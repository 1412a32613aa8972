package cache

import "studychat/db"

// chatBody is a chat in memory, as it is served to all of its members.
type chatBody struct {
	chat   *db.Chat
	byUser map[string]struct{} // the members, if they are many
}

// manyMembers is from when on a map of the members pays: going through 500 of them takes as long as all the rest of a hit.
const manyMembers = 32

func decodeChatBody(content, id string) (body *chatBody, bytes int, err error) {
	chat, bytes, err := decodeChat(content, id)
	if err != nil {
		return nil, 0, err
	}
	body = &chatBody{chat: chat}
	if len(chat.Members) < manyMembers {
		return body, bytes, nil
	}
	body.byUser = make(map[string]struct{}, len(chat.Members))
	for _, m := range chat.Members {
		body.byUser[m.UserID] = struct{}{}
	}
	const perEntry = 24 // of a map that is about two thirds full
	return body, bytes + len(chat.Members)*perEntry, nil
}

// has decides on permission: whether the user is a member.
func (b *chatBody) has(user string) bool {
	if b.byUser == nil {
		return b.chat.Member(user) != nil
	}
	_, ok := b.byUser[user]
	return ok
}
