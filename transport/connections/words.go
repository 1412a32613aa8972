package connections

import "strings"

// The reasons for which event streams end. They have no close frame, so no client sees these words.
const (
	Complete   = "Complete"
	Answered   = "Answered" // a query or mutation, not a subscription
	Gone       = "Gone"
	NotPlaced  = "Not placed"
	Unclaimed  = "Unclaimed"
	SlowReader = "Slow reader" // sockets too
	Restart    = "Restart"     // sockets too
	TryAgain   = "Try again later"
	Expired    = "Token expired"
)

// explained says in words what the reason of a close frame means, and what the client may do.
var explained = map[string]string{
	Complete:   "The subscription completed, and the stream ended with it.",
	Answered:   "The operation was answered, and the stream ended with the answer.",
	Gone:       "The client closed the stream, or its network did.",
	NotPlaced:  "The subscription could not begin in time, since the database did not answer. The client should try again.",
	Unclaimed:  "The client reserved the stream and did not open it in time.",
	SlowReader: "The client read too slowly: data waited for it longer than 8s. It may resume from its cursor.",
	Restart:    "This instance is stopping and sent the client to another one. It may resume from its cursor.",
	TryAgain:   "A subscription could not go on, since the database did not answer. The client may resume from its cursor.",
	Expired:    "The token expired, and the client had not sent a new one.",

	"Too many streams reserved":                 "The user has reserved too many streams on this instance.",
	"No answer to a ping":                       "The client did not answer a ping: it is frozen, asleep or without a network.",
	"Slow message":                              "A large message of the client did not arrive in time.",
	"Too many messages":                         "The client sent too many messages: at most 200 at once, then 50 a second.",
	"Too many large messages":                   "Too many large messages are under way on this instance.",
	"Too many connections":                      "The user has too many connections open on this instance.",
	"Connection initialisation timeout":         "The client did not send connection_init in time.",
	"Too many initialisation requests":          "The client sent connection_init twice.",
	"Unauthorized":                              "The client began an operation before connection_init.",
	"Forbidden":                                 "The token is missing, not valid, or another user's.",
	"Subprotocol not acceptable":                "The client does not speak graphql-transport-ws.",
	"Invalid message received":                  "The client sent a message that the protocol does not know.",
	"The token cannot be checked at the moment": "The token could not be checked, since the identity provider did not answer.",
}

// byCode explains codes whose reason holds a text of the client, or one of package websocket.
var byCode = map[int]string{
	1002: "The client broke the WebSocket protocol.",
	1007: "The client sent text that is not UTF-8.",
	1009: "The client sent a message that is too big.",
	4409: "The client used the id of an operation that was still running.",
}

// goodbyes explains the close codes of clients.
var goodbyes = map[int]string{
	1000: "The client closed the connection.",
	1001: "The client closed the connection: its page was closed or left.",
	1005: "The client closed the connection, without a code.",
	4499: "The client ended the connection at once (graphql-ws: terminate).",
}

// words explains an end by this server.
func words(code int, reason string) string {
	if known, ok := explained[reason]; ok {
		return known
	}
	if known, ok := byCode[code]; ok {
		return known
	}
	if reason == "" {
		return "The connection ended."
	}
	return strings.TrimSuffix(bounded(reason), ".") + "."
}
