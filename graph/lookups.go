package graph

import (
	"context"

	"studychat/db"
	"studychat/graph/limits"
	"studychat/graph/model"
)

// The fields of users, members and messages that need a look-up.

func (r userResolver) Name(ctx context.Context, user *db.User) (string, error) {
	known, err := r.named(ctx, user)
	return known.Name, err
}

func (r userResolver) AvatarURL(ctx context.Context, user *db.User) (*string, error) {
	known, err := r.named(ctx, user)
	return known.AvatarURL, err
}

func (r userResolver) named(ctx context.Context, user *db.User) (db.User, error) {
	known, ok, err := r.usersOf(ctx).get(ctx, user.ID)
	if !ok {
		return db.User{}, err
	}
	return *known, nil
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

// The batches of an answer.

func (r *Resolver) usersOf(ctx context.Context) *batch[*db.User] {
	return batchOf(ctx, "users", r.people.Users)
}

func (r *Resolver) modulesOf(ctx context.Context) *batch[*db.Module] {
	return batchOf(ctx, "modules", r.Repo.ModulesByID)
}

func (r *Resolver) readMarksOf(ctx context.Context) *batch[map[string]int64] {
	return batchOf(ctx, "readMarks", forViewer(r.Repo.ReadMarks))
}

func (r *Resolver) repliesOf(ctx context.Context) *batch[*db.Message] {
	return batchOf(ctx, "replies", forViewer(r.messages))
}

func (r *Resolver) chatsOf(ctx context.Context) *batch[*model.Chat] {
	return batchOf(ctx, "chats", forViewer(r.chats))
}

// forViewer reads as the viewer of the answer.
func forViewer[T any](read func(ctx context.Context, viewer string, ids []string) (map[string]T, error)) func(context.Context, []string) (map[string]T, error) {
	return func(ctx context.Context, ids []string) (map[string]T, error) {
		user, err := viewer(ctx)
		if err != nil {
			return nil, err
		}
		return read(ctx, user, ids)
	}
}

// messages reads messages by their ids.
func (r *Resolver) messages(ctx context.Context, user string, ids []string) (found map[string]*db.Message, err error) {
	err = answerFrom(ctx).budget.Read(ctx, len(ids), func() (bytes int, err error) {
		found, err = r.Repo.MessagesByID(ctx, user, ids)
		for _, message := range found {
			r.expectMessages(ctx, message)
			bytes += limits.ContentBytes(message)
		}
		return bytes, err
	})
	return found, err
}
