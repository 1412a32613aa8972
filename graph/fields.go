package graph

import (
	"context"

	"studychat/db"
	"studychat/graph/model"
)

// The fields of users, members and messages that need a look-up.

func (r userResolver) Name(ctx context.Context, user *db.User) (string, error) {
	known, err := r.named(ctx, user)
	if err != nil {
		return "", err
	}
	return known.Name, nil
}

func (r userResolver) AvatarURL(ctx context.Context, user *db.User) (*string, error) {
	known, err := r.named(ctx, user)
	if err != nil {
		return nil, err
	}
	return known.AvatarURL, nil
}

func (r userResolver) named(ctx context.Context, user *db.User) (*db.User, error) {
	known, _, err := r.usersOf(ctx).get(ctx, user.ID)
	return known, err
}

// ReadSeq is not part of a chat's body: it changes without taking a number of the chat.
func (r memberResolver) ReadSeq(ctx context.Context, member *db.Member) (int, error) {
	marks, _, err := r.readMarksOf(ctx).get(ctx, member.ChatID)
	return int(marks[member.UserID]), err
}

func (r messageResolver) Chat(ctx context.Context, message *db.Message) (*model.Chat, error) {
	chat, _, err := r.chatsOf(ctx).get(ctx, message.ChatID)
	return chat, err
}

func (r messageResolver) ReplyTo(ctx context.Context, message *db.Message) (*db.Message, error) {
	if message.ReplyTo == nil {
		return nil, nil
	}
	first, _, err := r.repliesOf(ctx).get(ctx, *message.ReplyTo)
	return first, err
}
