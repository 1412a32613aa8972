// Package data is what the benchmarks read and write: users and chats with ids that follow from a number, and the SQL that fills the
// server's tables with them. The peers keep the same chats in memory.
package data

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
)

// The chats. Their numbers are those of ChatID. seed.sql has the same figures.
const (
	ReadChats   = 1000   // of 50 messages each, for reads; every reader has 100 of them
	Readers     = 20     // r0 to r19; each chat of ReadChats has two of them as its members
	FirstSpread = 10_000 // the first of SpreadChats
	SpreadChats = 10_000 // with one message and one owner each, for sends
	Senders     = 100    // s0 to s99; each owns 100 of SpreadChats
	HotChat     = 30_000 // one chat for sends and fan-out
	HotMembers  = 50     // h0 to h49
	Messages    = 50     // of each chat of ReadChats
)

// Text is what messages say.
var Text = strings.Repeat("lorem ipsum dolor sit amet ", 3)[:64]

// Seed is the SQL that fills an empty database of the server's schema.
//
//go:embed seed.sql
var Seed string

// ChatID is the id of the chat with a number.
func ChatID(number int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012x", number) }

// Reader is a member of the chats whose number, modulo 10, is its own.
func Reader(n int) string { return "r" + strconv.Itoa(n%Readers) }

// ReaderChat is the n-th chat of a reader.
func ReaderChat(reader, n int) int { return n%(ReadChats/10)*10 + reader%10 }

// Sender owns the chats of SpreadChats whose number, modulo Senders, is its own.
func Sender(n int) string { return "s" + strconv.Itoa(n%Senders) }

// HotMember is a member of HotChat.
func HotMember(n int) string { return "h" + strconv.Itoa(n%HotMembers) }
