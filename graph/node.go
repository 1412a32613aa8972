package graph

import (
	"context"
	"slices"

	"studychat/db"
	"studychat/graph/limits"
	"studychat/graph/model"
)

func (r queryResolver) Node(ctx context.Context, id string) (model.Node, error) {
	user, err := viewer(ctx)
	if err != nil {
		return nil, err
	}
	nodes, err := r.nodes(ctx, user, []string{id})
	if err == nil && nodes[0] == nil {
		err = db.NotFound("object")
	}
	if err != nil {
		return nil, err
	}
	return nodes[0], nil
}

func (r queryResolver) Nodes(ctx context.Context, ids []string) ([]model.Node, error) {
	user, err := viewer(ctx)
	switch {
	case err != nil:
		return nil, err
	case len(ids) > limits.MaxNodes:
		return nil, db.BadInput("ids", "must be at most %d, not %d.", limits.MaxNodes, len(ids))
	}
	return r.nodes(ctx, user, ids)
}

// nodes finds objects; those that the viewer may not see are nil. Objects of one kind are read at once, so the number of
// reads is bounded by the number of kinds.
func (r *Resolver) nodes(ctx context.Context, user string, ids []string) ([]model.Node, error) {
	var refs []db.NodeRef
	named := make([]*db.NodeRef, len(ids)) // nil for an id that names nothing
	for i, id := range ids {
		if ref, err := db.ParseNodeID("id", id); err == nil {
			refs, named[i] = append(refs, ref), &ref
		}
	}
	found, err := r.readNodes(ctx, user, refs)
	if err != nil {
		return nil, err
	}
	nodes := make([]model.Node, len(ids))
	for i, ref := range named {
		if ref != nil {
			nodes[i] = found.node(user, *ref)
		}
	}
	return nodes, nil
}

// foundNodes are the objects that readNodes has found.
type foundNodes struct {
	chats    map[string]*model.Chat
	messages map[string]*db.Message
	modules  map[string]*db.Module
	states   map[string]db.ViewerState
	users    map[string]bool
}

func (r *Resolver) readNodes(ctx context.Context, user string, refs []db.NodeRef) (found foundNodes, err error) {
	var uuids, memberChats, modules, stateChats, users []string
	for _, ref := range refs {
		switch ref.Kind {
		case db.NodeUUID:
			uuids = append(uuids, ref.ID)
		case db.NodeMember:
			memberChats = append(memberChats, ref.ID)
		case db.NodeModule:
			modules = append(modules, ref.ID)
		case db.NodeState:
			stateChats = append(stateChats, ref.ID)
		case db.NodeUser:
			users = append(users, ref.User)
		}
	}
	if found.chats, err = r.chats(ctx, user, slices.Concat(uuids, memberChats)); err != nil {
		return found, err
	}
	rest := slices.DeleteFunc(uuids, func(id string) bool { return found.chats[id] != nil })
	if found.messages, err = r.messages(ctx, user, rest); err != nil {
		return found, err
	}
	if found.modules, err = r.Repo.ModulesByID(ctx, modules); err != nil {
		return found, err
	}
	if found.states, err = r.Repo.ViewerStates(ctx, user, stateChats); err != nil {
		return found, err
	}
	found.users, err = r.Repo.SharedUsers(ctx, user, users)
	return found, err
}

// node is the object that ref names, or nil.
func (f foundNodes) node(viewer string, ref db.NodeRef) model.Node {
	switch ref.Kind {
	case db.NodeUUID:
		if chat := f.chats[ref.ID]; chat != nil {
			return chat
		}
		if message := f.messages[ref.ID]; message != nil {
			return message
		}
	case db.NodeMember:
		if chat := f.chats[ref.ID]; chat != nil && chat.Member(ref.User) != nil {
			return chat.Member(ref.User)
		}
	case db.NodeModule:
		if module := f.modules[ref.ID]; module != nil {
			return module
		}
	case db.NodeState:
		if state, ok := f.states[ref.ID]; ok && ref.User == viewer {
			return &state
		}
	case db.NodeUser:
		if f.users[ref.User] {
			return &db.User{ID: ref.User}
		}
	}
	return nil
}
