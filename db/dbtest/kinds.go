package dbtest

import (
	"testing"
	"time"

	"studychat/db"
)

// EveryKind runs a test for an event of each kind: with all that its kind carries, number 5 of epoch 2 of the chat "c".
func EveryKind(t *testing.T, test func(t *testing.T, event *db.Event)) {
	at := time.Date(2026, 3, 1, 9, 30, 0, 123_456_000, time.UTC)
	for _, kind := range db.EventKinds(func(db.KindRow) bool { return true }) {
		event := &db.Event{ChatID: "c", Seq: 5, Epoch: 2, Kind: kind, Actor: "ann", At: at}
		member := &db.Member{ChatID: "c", UserID: "bob"}
		switch kind.Row().Carries {
		case db.CarriesNothing:
		case db.CarriesTitle:
			event.Title = "Biology"
		case db.CarriesNewMessage:
			event.Message = &db.Message{ID: "m", ChatID: "c", Seq: 5, Author: "ann", Role: db.RoleUser, Content: "Hello", CreatedAt: at}
		case db.CarriesMessage:
			event.Message = &db.Message{ID: "m", ChatID: "c", Seq: 2, Author: "ann", Role: db.RoleUser, Content: "Hello", CreatedAt: at}
		case db.CarriesNewMember:
			member.Role, member.JoinedAt, member.JoinedSeq = db.RoleMember, at, 5
			event.Member = member
		case db.CarriesOwner:
			member.Role, member.JoinedAt = db.RoleOwner, at.Add(-time.Hour)
			event.Member = member
		case db.CarriesFormerMember:
			event.Member = member
		default:
			t.Errorf("%s: there is no sample of what it carries", kind)
			continue
		}
		t.Run(string(kind), func(t *testing.T) { t.Parallel(); test(t, event) })
	}
}
