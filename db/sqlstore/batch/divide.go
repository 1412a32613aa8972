package batch

// Divide returns the calls that one transaction can have, and the others. Of two calls with one id the second one has to see what became
// of the first one, and an answer has to see the message.
func Divide(calls []*Call) (now, later []*Call) {
	ids := make(map[string]bool, len(calls))
	for _, call := range calls {
		message := call.Item.Message
		if ids[message.ID] || message.ReplyTo != nil && ids[*message.ReplyTo] {
			later = append(later, call)
		} else {
			now = append(now, call)
		}
		ids[message.ID] = true
	}
	return now, later
}

// Follow gives those of the later calls their outcome that repeat a message which was just stored for the same viewer, and returns the
// others. (A client that tries again and again would otherwise cost a transaction each time.)
func Follow(now, later []*Call) (rest []*Call) {
	if len(later) == 0 {
		return nil
	}
	first := make(map[string]*Send, len(now))
	for _, call := range now {
		first[call.Item.Message.ID] = call.Item
	}
	for _, call := range later {
		item := call.Item
		leader := first[item.Message.ID]
		if leader == nil || leader.Event == nil || leader.Viewer != item.Viewer || leader.Message.ChatID != item.Message.ChatID {
			rest = append(rest, call)
			continue
		}
		item.repeat(leader.Event.Message, leader.Event.Epoch)
	}
	return rest
}
