package graph

import (
	"context"

	"studychat/db"
	"studychat/graph/limits"
	"studychat/graph/model"
	"studychat/graph/people"
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
	known, ok, err := r.userOf(ctx, user.ID)
	if !ok {
		return db.User{}, err
	}
	answerFrom(ctx).restsOn(known)
	return known.User, nil
}

// ReadSeq is not part of a chat's body: it changes without taking a number of the chat.
func (r memberResolver) ReadSeq(ctx context.Context, member *db.Member) (int, error) {
	marks, _, err := r.readMarksOf(ctx, member.ChatID)
	return int(marks[member.UserID]), err
}

func (r messageResolver) Chat(ctx context.Context, message *db.Message) (*model.Chat, error) {
	chat, _, err := r.chatOf(ctx, message.ChatID)
	return chat, err
}

func (r messageResolver) ReplyTo(ctx context.Context, message *db.Message) (*db.Message, error) {
	if message.ReplyTo == nil {
		return nil, nil
	}
	first, _, err := r.messageOf(ctx, *message.ReplyTo)
	return first, err
}

// The batches of an answer.

func (r *Resolver) userOf(ctx context.Context, id string) (*people.Known, bool, error) {
	return answerFrom(ctx).settled().users.get(ctx, id, r, func(r *Resolver, ctx context.Context, ids []string) (map[string]*people.Known, error) {
		return r.people.Users(ctx, ids)
	})
}

func (r *Resolver) moduleOf(ctx context.Context, id string) (*db.Module, bool, error) {
	return answerFrom(ctx).settled().modules.get(ctx, id, r, func(r *Resolver, ctx context.Context, ids []string) (map[string]*db.Module, error) {
		return r.Repo.ModulesByID(ctx, ids)
	})
}

func (r *Resolver) readMarksOf(ctx context.Context, chatID string) (map[string]int64, bool, error) {
	return answerFrom(ctx).settled().readMarks.get(ctx, chatID, r, func(r *Resolver, ctx context.Context, ids []string) (map[string]map[string]int64, error) {
		user, err := viewer(ctx)
		if err != nil {
			return nil, err
		}
		return r.Repo.ReadMarks(ctx, user, ids)
	})
}

func (r *Resolver) messageOf(ctx context.Context, id string) (*db.Message, bool, error) {
	return answerFrom(ctx).settled().replies.get(ctx, id, r, func(r *Resolver, ctx context.Context, ids []string) (map[string]*db.Message, error) {
		user, err := viewer(ctx)
		if err != nil {
			return nil, err
		}
		return r.messages(ctx, user, ids)
	})
}

func (r *Resolver) chatOf(ctx context.Context, id string) (*model.Chat, bool, error) {
	return answerFrom(ctx).settled().chats.get(ctx, id, r, func(r *Resolver, ctx context.Context, ids []string) (map[string]*model.Chat, error) {
		user, err := viewer(ctx)
		if err != nil {
			return nil, err
		}
		return r.chats(ctx, user, ids)
	})
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
