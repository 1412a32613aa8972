package redisbus

import (
	"crypto/rand"
	"errors"

	"studychat/events"
)

// A message on a channel is the id of the instance that sent it, so that an instance skips its own without decoding, followed by
// a notification or by gapMessage.

// instanceIDLen is the length of an instance id in a message.
const instanceIDLen = 16

// gapMessage, in place of a notification, says that notifications of the channel were never sent.
const gapMessage = "gap"

// newInstanceID names one run of one process.
func newInstanceID() string { return rand.Text()[:instanceIDLen] }

func encodeMessage(instance string, notification events.Notification) (string, error) {
	body, err := notification.Encode()
	return instance + string(body), err
}

// decodeMessage reads a message of another instance.
func decodeMessage(message string) (notification events.Notification, isGap bool, err error) {
	if len(message) < instanceIDLen {
		return events.Notification{}, false, errors.New("too short")
	}
	body := message[instanceIDLen:]
	if body == gapMessage {
		return events.Notification{}, true, nil
	}
	notification, err = events.DecodeNotification([]byte(body))
	return notification, false, err
}
