package graph

import (
	"cmp"
	"context"
	"slices"

	"studychat/db"
	"studychat/graph/model"
)

// eventSource reads what events point to. A database that does not answer is waited for, as by the stream itself: an event
// without its chat would be lost to a list that lives by the feed.
type eventSource struct{ *Resolver }

var _ model.Source = eventSource{}

// EventChat implements model.Source.
func (s eventSource) EventChat(ctx context.Context, chatID string) (chat *model.Chat, err error) {
	err = untilAvailable(ctx, func() error {
		user, err := viewer(ctx)
		if err != nil {
			return err
		}
		chat, err = s.sharedChat(ctx, user, chatID)
		return err
	})
	return chat, err
}

// sharedChat is the same chat for all fields of one event, or nil.
func (s eventSource) sharedChat(ctx context.Context, user, chatID string) (*model.Chat, error) {
	chats := batchOf(ctx, "event chats", func(ctx context.Context, ids []string) (map[string]*model.Chat, error) {
		return s.chats(ctx, user, ids)
	})
	chat, _, err := chats.get(ctx, chatID)
	if err != nil {
		chats.retry(chatID)
	}
	return chat, err
}

// EventOnline implements model.Source.
func (s eventSource) EventOnline(ctx context.Context, chatID string) ([]*db.User, error) {
	chat, err := s.EventChat(ctx, chatID)
	if err != nil || chat == nil {
		return []*db.User{}, err
	}
	online, err := s.Live.Online(ctx, []*db.Chat{chat.Chat})
	return usersWith(online[chatID]), err
}

// EventReadMarks implements model.Source.
func (s eventSource) EventReadMarks(ctx context.Context, chatID string) (marks []*model.ReadMark, err error) {
	err = untilAvailable(ctx, func() error {
		user, err := viewer(ctx)
		if err != nil {
			return err
		}
		read, err := s.Repo.ReadMarks(ctx, user, []string{chatID})
		if err != nil {
			return err
		}
		marks = []*model.ReadMark{}
		for user, seq := range read[chatID] {
			s.usersOf(ctx).expect(user)
			marks = append(marks, &model.ReadMark{User: &db.User{ID: user}, ReadSeq: int(seq)})
		}
		return nil
	})
	slices.SortFunc(marks, func(a, b *model.ReadMark) int { return cmp.Compare(a.User.ID, b.User.ID) })
	return marks, err
}

// EventUnread implements model.Source.
func (s eventSource) EventUnread(ctx context.Context, chatID, user string) (count *int, err error) {
	err = untilAvailable(ctx, func() error {
		who, err := viewer(ctx)
		if err != nil || who != user {
			return err
		}
		states, err := s.Repo.ViewerStates(ctx, who, []string{chatID})
		if state, ok := states[chatID]; ok {
			count = &state.UnreadCount
		}
		return err
	})
	return count, err
}
