// Package dbtest is the behaviour suite of db.Repository: every implementation has to pass it, the store on each
// database and the same behind the cache. It knows the contract and nothing of what is behind it.
package dbtest

import (
	"context"
	"testing"

	"studychat/db"
)

// Filler stores members in the database itself. To add almost 500 by AddMember takes seconds under the race detector.
type Filler func(ctx context.Context, members []*db.Member) error

// Run runs the suite. open is called for each test; it may return the same repository every time, because the tests
// use users and chats of their own.
func Run(t *testing.T, open func(t *testing.T) db.Repository, fill Filler) {
	for _, test := range suite {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, open(t))
			f.fill = fill
			test.run(f)
		})
	}
}

var suite = []struct {
	name string
	run  func(f *fixture)
}{
	{"CreateChat", testCreateChat},
	{"CreateChatAgain", testCreateChatAgain},
	{"RenameChat", testRenameChat},
	{"DeleteChat", testDeleteChat},
	{"DeleteChatPurges", testDeleteChatPurges},
	{"OwnedChats", testOwnedChats},
	{"Chat", testChat},
	{"ChatNewest", testChatNewest},
	{"ChatNewestBytes", testChatNewestBytes},
	{"ChatsContent", testChatsContent},
	{"ChatsOrder", testChatsOrder},
	{"ChatPages", testChatPages},
	{"ChatPagesOfModule", testChatPagesOfModule},
	{"ChatsCursor", testChatsCursor},
	{"ChatsCursorUnderWrites", testChatsCursorUnderWrites},

	{"ChatsByID", testChatsByID},
	{"CountChats", testCountChats},
	{"TransferChat", testTransferChat},
	{"UpdateViewerState", testUpdateViewerState},

	{"SendMessage", testSendMessage},
	{"SendMessageAgain", testSendMessageAgain},
	{"SendMessageAgainChanged", testSendMessageAgainChanged},
	{"EditMessage", testEditMessage},
	{"DeleteMessage", testDeleteMessage},
	{"Message", testMessage},
	{"MessagePages", testMessagePages},
	{"MessagesOfManyChats", testMessagesOfManyChats},
	{"MessagesCursor", testMessagesCursor},

	{"MessagesAround", testMessagesAround},
	{"MessagesByID", testMessagesByID},
	{"ReplyTo", testReplyTo},
	{"IDsOfAllKinds", testIDsOfAllKinds},
	{"IDsAtOnce", testIDsAtOnce},

	{"AddMember", testAddMember},
	{"AddKnownMember", testAddKnownMember},
	{"ReadMarks", testReadMarks},
	{"AddMemberLimit", testAddMemberLimit},
	{"RemoveMember", testRemoveMember},
	{"LeaveChat", testLeaveChat},
	{"MemberOrder", testMemberOrder},
	{"JoinedSeq", testJoinedSeq},
	{"Standing", testStanding},
	{"FeedStart", testFeedStart},
	{"MarkRead", testMarkRead},
	{"ViewerStates", testViewerStates},
	{"ViewerStatesWindow", testViewerStatesWindow},

	{"SawUser", testSawUser},
	{"UpsertUser", testUpsertUser},
	{"SharedUsers", testSharedUsers},
	{"PutModule", testPutModule},
	{"DeleteModule", testDeleteModule},
	{"ModulePages", testModulePages},

	{"Strangers", testStrangers},
	{"StrangersInLists", testStrangersInLists},

	{"Head", testHead},
	{"Heads", testHeads},
	{"Changes", testChanges},
	{"FeedHeads", testFeedHeads},
	{"FeedHeadsSince", testFeedHeadsSince},
	{"SeqBefore", testSeqBefore},
	{"LogTellsEverything", testLogTellsEverything},
	{"LogPages", testLogPages},
	{"LogShowsMessagesAsTheyAre", testLogMessagesAsTheyAre},
	{"LogOfDeletedChat", testLogOfDeletedChat},
	{"RepeatsTakeNoNumber", testRepeatsTakeNoNumber},

	{"RetriesAtOnce", testRetriesAtOnce},
	{"CreatesAtOnce", testCreatesAtOnce},
	{"WritersAtOnce", testWritersAtOnce},
	{"RemovalAgainstSends", testRemovalAgainstSends},
	{"DeletionAgainstSends", testDeletionAgainstSends},
	{"ReadsUnderWrites", testReadsUnderWrites},

	{"Texts", testTexts},
	{"Times", testTimes},
	{"CancelledContext", testCancelledContext},
}
